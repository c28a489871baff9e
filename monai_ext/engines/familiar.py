"""Familiarity of a network with its training images, fitted when it is published, or to a model afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch

from monai_ext.landmarks import FloatArray, Protocol, input_errors_unwrapped
from monai_ext.models import Familiarity, fit_familiarity
from monai_ext.networks import LandmarkNetwork, encoder_features

from .dataset import LabelledImage
from .distributed import gathered_or_problem, process_rank
from .job import Job
from .loader import make_loader
from .stop import Stop, StoppedError, never

#: Images of each side that are looked at, at most, from all over the row.
MOST_TRAINED, MOST_HELD_OUT = 240, 120
#: Copies of each as training changes them, beside the image itself.
TRAINED_COPIES, HELD_OUT_COPIES = 1, 3
#: Images at a time.
BATCH_SIZE = 4
#: Batches between two questions whether to stop: a few seconds. A fit that is stopped begins anew.
STOP_BATCHES = 16


Side = Literal["train", "val"]
SIDES: tuple[Side, ...] = get_args(Side)


class Seen(NamedTuple):
    """(B, F) features of images of one side."""

    side: Side
    features: FloatArray


class Known(NamedTuple):
    """Result of a fit.

    Attributes:
        familiarity: of the network; None if there is none.
        sentence: says why there is none; empty otherwise.
    """

    familiarity: Familiarity | None
    sentence: str


def learn_familiarity(
    network: LandmarkNetwork,
    protocol: Protocol,
    trained: Sequence[LabelledImage],
    held_out: Sequence[LabelledImage],
    device: torch.device,
    on_images: Callable[[int], None] = lambda count: None,
) -> Familiarity:
    """Fits what a network knows of its images, of which each is seen as it is and as training changes it.

    Only the part of the network up to its encoder's last map is computed.

    Args:
        network: in evaluation mode, on the device.
        protocol: says how images are prepared and changed.
        trained: images that the network has learned from; their labels do not matter.
        held_out: images that it has not learned from.
        device: where the network is.
        on_images: called with the number of images, copies included, that were looked at.

    Raises:
        InputError: an image cannot be read, the network has no encoder, or there are too few images.
    """
    with input_errors_unwrapped():
        seen = list(_seen(network, protocol, trained, held_out, device, 0, on_images, never))
    return _fitted(seen, protocol)


def _seen(
    network: LandmarkNetwork,
    protocol: Protocol,
    trained: Sequence[LabelledImage],
    held_out: Sequence[LabelledImage],
    device: torch.device,
    num_workers: int,
    on_images: Callable[[int], None],
    stop: Stop,
) -> Iterator[Seen]:
    batches = count = 0
    for side, images, copies in views(trained, held_out):
        for features in feature_batches(network, protocol, images, copies, device, num_workers):
            yield Seen(side, features)
            batches, count = batches + 1, count + len(features)
            on_images(count)
            if batches % STOP_BATCHES == 0 and stop():
                raise StoppedError


def _fitted(seen: Sequence[Seen], protocol: Protocol) -> Familiarity:
    trained, held_out = (np.concatenate([part.features for part in seen if part.side == side]) for side in SIDES)
    return fit_familiarity(trained, held_out, protocol=protocol.name)


def views(
    trained: Sequence[LabelledImage], held_out: Sequence[LabelledImage]
) -> list[tuple[Side, list[LabelledImage], int]]:
    """The four passes of a fit: side, images, and the changed copies of each; 0 stands for the image itself."""
    known, others = spread(trained, MOST_TRAINED), spread(held_out, MOST_HELD_OUT)
    return [
        ("train", known, 0),
        ("train", known, TRAINED_COPIES),
        ("val", others, 0),
        ("val", others, HELD_OUT_COPIES),
    ]


def spread(images: Sequence[LabelledImage], most: int) -> list[LabelledImage]:
    """So many of the images, or all, from all over the row."""
    step = max(1.0, len(images) / most)
    return [images[int(place * step)] for place in range(min(most, len(images)))]


def feature_batches(
    network: LandmarkNetwork,
    protocol: Protocol,
    images: Sequence[LabelledImage],
    copies: int,
    device: torch.device,
    num_workers: int = 0,
) -> Iterator[FloatArray]:
    """(B, F) features of images batch by batch, or of so many copies of each, up to whole batches; of one process.

    Copies keep their surround: before sceneries of no thing they would be as far from one another as foreign images.
    """
    rank, world = process_rank()
    protocol = _in_their_surround(protocol)
    loader = make_loader(
        images,
        protocol,
        training=copies > 0,
        batch_size=BATCH_SIZE,
        num_workers=num_workers,
        epoch_steps=math.ceil(len(images) * copies / (BATCH_SIZE * world)) or None,
    )
    if copies:
        loader.dataset.transform.set_random_state(seed=rank)
    for batch in loader:
        yield encoder_features(network, batch["image"].to(device), all_maps=True).cpu().numpy().astype(np.float64)


def _in_their_surround(protocol: Protocol) -> Protocol:
    recipe = protocol.recipe
    changes = recipe.augmentation.model_copy(update={"scenery": None})
    return protocol.model_copy(update={"recipe": recipe.model_copy(update={"augmentation": changes})})


def familiarity_of(
    job: Job, weights: Mapping[str, torch.Tensor], on_images: Callable[[int], None] = lambda count: None
) -> Known:
    """Fits the familiarity of a network to a job's images.

    Whatever goes wrong is logged and said in a sentence: a training is never lost by it. Under ``torchrun`` each
    process, all of which call this together, looks at its share of the images.

    Args:
        job: that trained the network.
        weights: of the network as they are published.
        on_images: as of :func:`learn_familiarity`.

    Raises:
        StoppedError: a stop was requested meanwhile.
    """

    def look() -> list[Seen]:
        network, sides = job.network_with(weights), (job.train_images, job.val_images)
        return [*_seen(network, job.protocol, *sides, job.device, job.num_workers, on_images, job.stop_in_share)]

    parts, problem = gathered_or_problem(look, "What the network knows of its images could not be fitted.")
    if problem:
        return Known(None, f"It does not warn of images unlike its own ({problem}).")
    return Known(_fitted(parts, job.protocol), "")
