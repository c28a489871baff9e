"""The source ``faces`` from dlib's network that recognises people, whose statistics and classes photographs give.

Run as ``python -m monai_ext.engines.face_conversion NETWORK.dat STUDIES FILE.safetensors``.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from scipy.optimize import minimize_scalar
from torch import nn

from monai_ext.images import read_image
from monai_ext.landmarks import CHANNEL_SCALES, FloatArray, InputError, read_markups, write_atomically
from monai_ext.networks import (
    FACE_RESNET,
    SHA256,
    DlibNetwork,
    FaceClassifier,
    SourceCard,
    SourceClassifier,
    read_dlib_network,
    write_source,
)
from monai_ext.studies import Studies
from monai_ext.transforms import resample

from .dataset import LabelledImage, labelled_images

NORMALIZATION = "dlib"

#: What dlib divides pixel values by.
_DLIB_DEVIATION = 256.0

#: Width and height of the pictures that the network is shown; their deepest maps have 4 x 4 cells, as in dlib.
SIZE = 128
#: Where points of a face lie in such a picture, as shares of its width and height: dlib's 150 pixels and a margin.
PLACES: Mapping[str, tuple[float, float]] = {
    "right_exocanthion": (0.26, 0.32),
    "right_endocanthion": (0.39, 0.33),
    "left_endocanthion": (0.59, 0.33),
    "left_exocanthion": (0.72, 0.32),
    "subnasale": (0.49, 0.58),
    "right_cheilion": (0.35, 0.67),
    "left_cheilion": (0.64, 0.67),
}

#: Groups of people that look alike, each of at least so many people that none stands for one person.
MOST_GROUPS, FEWEST_PEOPLE = 12, 3
#: Random views of each photograph for the statistics, and for the sharpness of the classes.
VIEWS = 8
_SEED = 0

#: How far a view differs from the upright face: smallest and largest scale, shift as a share, rotation in degrees.
_WIDE = (0.6, 1.15, 0.1, 10.0)
_NEAR = (0.92, 1.08, 0.03, 5.0)


def convert(network: DlibNetwork, photographs: Sequence[LabelledImage]) -> SourceClassifier:
    """The network as a source classifier: batch normalisations with statistics, and a classifier of groups of people.

    In evaluation mode an affine layer ``gamma * (w * x + b) + beta`` and a batch normalisation of ``w * x`` with the
    mean m, the variance v, the factor ``gamma * sqrt(v + eps)`` and the offset ``gamma * (b + m) + beta`` are the same
    for any m and v. With those of faces the network can be trained on with live statistics.

    Args:
        network: as its file has it.
        photographs: of one person each, with the points :data:`PLACES`.

    Raises:
        InputError: there are too few people for groups.
    """
    faces = [_face(image) for image in photographs]
    upright = torch.stack([_view(*face, np.eye(3)) for face in faces])
    random = np.random.default_rng(_SEED)
    source = SourceClassifier(FACE_RESNET, 1, NORMALIZATION)
    assert isinstance(source.head, FaceClassifier)
    _fill(source, network)
    _calibrate(source, torch.stack([_view(*face, change) for face in faces for change in _changes(random, *_WIDE)]))
    people = _embeddings(source, upright)
    groups = _groups(people)
    views = torch.stack([_view(*face, change) for face in faces for change in _changes(random, *_NEAR)])
    source.head.classes = _classes(people, groups, _embeddings(source, views)).requires_grad_(False)
    source.num_classes = int(groups.max()) + 1
    return source


def _face(image: LabelledImage) -> tuple[torch.Tensor, FloatArray]:
    """The (3, H, W) picture and the points :data:`PLACES` on it."""
    pixels, frame = read_image(image.image, "rgb")
    label = read_markups(image.label, frame)
    found = dict(zip(label.names, label.points, strict=True))
    if lacking := [name for name in PLACES if name not in found or not np.isfinite(found[name]).all()]:
        raise InputError(f"{image.label} lacks the points {', '.join(lacking)}: place them.")
    return torch.from_numpy(pixels), np.stack([found[name] for name in PLACES]).astype(np.float64)


def _view(pixels: torch.Tensor, points: FloatArray, change: FloatArray) -> torch.Tensor:
    """(3, SIZE, SIZE) normalised view; ``change`` (3, 3) acts on the upright face."""
    places = np.array(list(PLACES.values())) * SIZE - 0.5
    view = resample(pixels, change @ similarity(points, places), (SIZE, SIZE))
    mean, deviation = CHANNEL_SCALES[NORMALIZATION].of_channels(3)
    return (view - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]


def similarity(points: FloatArray, places: FloatArray) -> FloatArray:
    """The (3, 3) turn, scale and shift that brings (N, 2) points nearest to (N, 2) places in the mean square."""
    middle, target = points.mean(0), places.mean(0)
    offsets, aims = points - middle, places - target
    along = (offsets * aims).sum() / (offsets**2).sum()
    across = (offsets[:, 0] * aims[:, 1] - offsets[:, 1] * aims[:, 0]).sum() / (offsets**2).sum()
    turn = np.array([[along, -across], [across, along]])
    return np.vstack([np.column_stack([turn, target - turn @ middle]), [0.0, 0.0, 1.0]])


def _changes(
    random: np.random.Generator, least: float, most: float, shift: float, rotation: float
) -> Iterator[FloatArray]:
    """:data:`VIEWS` random maps of a view about its centre, every second one mirrored."""
    centre = (SIZE - 1) / 2
    for number in range(VIEWS):
        scale = np.exp(random.uniform(np.log(least), np.log(most)))
        angle = np.radians(random.uniform(-rotation, rotation))
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turn[:, 0] *= 1 - 2 * (number % 2)
        moved = centre + random.uniform(-shift, shift, 2) * SIZE - turn @ np.full(2, centre)
        yield np.vstack([np.column_stack([turn, moved]), [0.0, 0.0, 1.0]])


def _layers(source: SourceClassifier) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """All convolutions with what follows each, from the image on."""
    modules = [m for m in source.modules() if isinstance(m, (nn.Conv2d, nn.BatchNorm2d))]
    return list(zip(modules[::2], modules[1::2], strict=True))


def _fill(source: SourceClassifier, network: DlibNetwork) -> None:
    """Gives the source the network's weights, its batch normalisations with the mean 0 and the variance 1."""
    for (convolution, norm), layer in zip(_layers(source), network.convolutions, strict=True):
        convolution.weight.copy_(layer.weight.view_as(convolution.weight))
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.copy_(layer.gamma)
        norm.bias.copy_(layer.gamma * layer.bias + layer.beta)
    scale = CHANNEL_SCALES[NORMALIZATION].deviation[0] / _DLIB_DEVIATION
    source.encoder.conv1.weight.mul_(scale)  # a power of two: exact
    assert isinstance(source.head, FaceClassifier)
    source.head.embedding.weight.copy_(network.embedding)


def _calibrate(source: SourceClassifier, views: torch.Tensor) -> None:
    """Sets the statistics to those of (N, 3, H, W) views without changing what the network computes."""
    moments: dict[nn.Module, torch.Tensor] = {}

    def add(module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        values = given[0].double()
        sums = torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3))])
        sums = torch.cat([sums, torch.full_like(sums[:1], values[:, 0].numel())])
        moments[module] = moments.get(module, 0) + sums

    hooks = [norm.register_forward_pre_hook(add) for _, norm in _layers(source)]
    for batch in views.split(VIEWS):
        source(batch)
    for hook in hooks:
        hook.remove()
    for _, norm in _layers(source):
        total, squares, count = moments[norm]
        mean = total / count
        variance = squares / count - mean.square()
        factor = norm.weight.clone()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.bias.add_(factor * norm.running_mean)
        norm.weight.mul_((norm.running_var + norm.eps).sqrt())


@torch.no_grad()
def _embeddings(source: SourceClassifier, views: torch.Tensor) -> torch.Tensor:
    """(N, 128) embeddings of (N, 3, H, W) views."""
    assert isinstance(source.head, FaceClassifier)
    return torch.cat([source.head.embed(source.encoder(batch)[-1]) for batch in views.split(VIEWS)])


def _groups(people: torch.Tensor) -> np.ndarray:
    """The group of each of (N, 128) embeddings: as many as there can be with enough people in each."""
    for count in range(MOST_GROUPS, 1, -1):
        for seed in range(20):
            with warnings.catch_warnings(), np.errstate(invalid="ignore"):
                warnings.simplefilter("ignore", UserWarning)  # of an empty group, which the next seed may not have
                _, groups = kmeans2(people.double().numpy(), count, minit="++", seed=seed)
            if np.bincount(groups, minlength=count).min() >= FEWEST_PEOPLE:
                return groups
    raise InputError(f"{len(people)} people are too few for groups of {FEWEST_PEOPLE}: give more photographs.")


def _classes(people: torch.Tensor, groups: np.ndarray, views: torch.Tensor) -> nn.Linear:
    """The classifier of groups: the squared distance to each one's mean, as sharp as other views of its people allow.

    Args:
        people: (N, 128) embeddings.
        groups: (N,) group of each.
        views: (N * VIEWS, 128) embeddings of other views.
    """
    means = torch.stack([people[torch.from_numpy(groups == group)].mean(0) for group in range(groups.max() + 1)])
    logits = 2 * views @ means.T - means.square().sum(1)
    target = torch.from_numpy(np.repeat(groups, VIEWS)).long()
    found = minimize_scalar(
        lambda log: float(nn.functional.cross_entropy(np.exp(log) * logits, target)), bounds=(-3, 7), method="bounded"
    )
    sharpness = float(np.exp(found.x))
    layer = nn.Linear(means.shape[1], len(means))
    layer.weight.data = 2 * sharpness * means
    layer.bias.data = -sharpness * means.square().sum(1)
    return layer


def write_faces(source: SourceClassifier, file: Path, photographs: int) -> None:
    """Writes the source in half precision, its batch normalisations in single, and beside it a card of its origin."""
    card = SourceCard(
        architecture=FACE_RESNET,
        normalization=NORMALIZATION,
        in_channels=3,
        num_classes=source.num_classes,
        trained_on=f"dlib's face recognition; classes: groups of like people in {photographs} photographs.",
    )
    state = {
        name: tensor.half() if tensor.ndim > 1 else tensor
        for name, tensor in source.state_dict().items()
        if tensor.is_floating_point()
    }
    write_source(file, state, card)
    document = {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "what": "A residual network of 29 convolutions that recognises people, in half precision.",
        "network": {
            "origin": "dlib_face_recognition_resnet_model_v1 by Davis King, dlib.net, as in the Python package "
            "face-recognition-models 0.3.0",
            "sha256": SHA256,
            "licence": "CC0 1.0",
        },
        "photographs": {
            "origin": f"{photographs} neutral frontal photographs of the Face Research Lab London Set, Lisa DeBruine "
            "and Benedict Jones, 2017, doi 10.6084/m9.figshare.5047666",
            "licence": "CC BY 4.0",
            "used_for": "the statistics of the batch normalisations and the classes; no weight was trained on them",
        },
        "changes": "Affine layers became batch normalisations with statistics of faces; what the network computes away "
        "from the border of an image stayed. Zeros at the borders keep cells in place for a U-Net.",
        "classes": f"{source.num_classes} groups of people whose embeddings are alike, at least {FEWEST_PEOPLE} people "
        "each, found without names: no class stands for one person.",
        "conversion": "python -m monai_ext.engines.face_conversion dlib_face_recognition_resnet_model_v1.dat STUDIES "
        f"{file.name}",
    }
    write_atomically(file.with_suffix(".json"), (json.dumps(document, indent=2) + "\n").encode())


def main(arguments: Sequence[str]) -> None:
    """Converts the network of the first argument with the training photographs of the second into the third."""
    network, studies, file = map(Path, arguments)
    photographs = [image for image in labelled_images(Studies(studies)) if image.split == "train"]
    write_faces(convert(read_dlib_network(network), photographs), file, len(photographs))


if __name__ == "__main__":
    main(sys.argv[1:])
