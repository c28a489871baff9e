"""Runs models over image files and keeps what measures of uncertainty need: further views, dropout passes, features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from monai_ext.inferers import ImageBatch, Predictions, Predictor, Source, load_batch, read_output
from monai_ext.landmarks import FloatArray, InputError, Protocol, about, flip_matrix, rotation_matrix
from monai_ext.networks import FeatureTap
from monai_ext.transforms import resample

#: Largest rotation in degrees and largest relative scale of a view, where the recipe trains with as much.
ROTATION, SCALE = 5.0, 0.05


@dataclass(frozen=True)
class View:
    """One way to see an image.

    Args:
        rotation: degrees about the centre, clockwise on the screen.
        scale: about the centre.
        flip: left to right, after the others.
    """

    rotation: float = 0.0
    scale: float = 1.0
    flip: bool = False

    def matrix(self, width: int, height: int) -> FloatArray:
        """The (3, 3) pixel map from the image to the view, which has the same size."""
        turn = rotation_matrix(self.rotation) @ np.diag([self.scale, self.scale, 1.0])
        turned = about(((width - 1) / 2, (height - 1) / 2), turn)
        return flip_matrix(width) @ turned if self.flip else turned

    def draw(self, images: torch.Tensor) -> torch.Tensor:
        """The view of (B, C, H, W) images, of the same shape; a flip alone moves pixels without interpolation."""
        height, width = images.shape[2:]
        # one map for all images: their channels are drawn as those of one
        drawn = resample(images.flatten(0, 1), self.matrix(width, height), (width, height))
        return drawn.unflatten(0, images.shape[:2]).contiguous(memory_format=torch.channels_last)


def views_of(protocol: Protocol) -> tuple[View, ...]:
    """The plain view, then those that the protocol's recipe has taught a network to see.

    A network that never saw a flipped image in training answers it with nonsense, which would say nothing of the
    plain one: each change is taken only where training has it, and no further than training goes.
    """
    augmentation = protocol.recipe.augmentation
    turn, grow = min(ROTATION, augmentation.rotation), min(SCALE, augmentation.scale)
    views = [View()]
    if augmentation.flip > 0:
        views.append(View(flip=True))
    if turn > 0:
        views += [View(rotation=-turn), View(rotation=turn)]
    if grow > 0:
        views += [View(scale=1 / (1 + grow)), View(scale=1 + grow)]
    return tuple(views)


def dropout_layers(network: nn.Module) -> list[nn.Module]:
    """The layers that drop anything."""
    return [module for module in network.modules() if isinstance(module, _DropoutNd) and module.p > 0]


@contextmanager
def dropping(network: nn.Module, seed: int, device: torch.device) -> Iterator[None]:
    """Within the block the dropout layers of a network in evaluation mode drop, from a seed; all else stays as it is.

    The global random state is put back afterwards.
    """
    layers = [layer for layer in dropout_layers(network) if not layer.training]
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        for layer in layers:
            layer.train()
        try:
            yield
        finally:
            for layer in layers:
                layer.eval()


#: Passes with dropout.
DROPOUT_PASSES = 10


class Observer:
    """Finder of landmarks by one or more models, with all that measures of uncertainty need.

    The answer is that of the first model.

    Args:
        predictors: the models; several for disagreement by ``ensemble``.
        sources: which further passes are made.
        features: whether the features of the first model's encoder are kept.
        batch_size: images at a time.
        seed: of the passes with dropout.

    Raises:
        InputError: the models answer for different landmarks, or a source is of no use with them.
    """

    def __init__(
        self,
        predictors: Sequence[Predictor],
        sources: Sequence[Source] = (),
        *,
        features: bool = False,
        batch_size: int = 4,
        seed: int = 0,
    ) -> None:
        self.predictors, self.sources = tuple(predictors), tuple(sources)
        self._features, self._batch_size, self._seed = features, batch_size, seed
        if not self.predictors or batch_size < 1:
            raise InputError(
                f"Give at least one model and one image at a time, not {len(predictors)} and {batch_size}."
            )
        names = {predictor.protocol.landmark_names for predictor in self.predictors}
        if len(names) > 1:
            raise InputError("The models of an ensemble must have the same landmarks in the same order; these do not.")
        if "dropout" in self.sources and not dropout_layers(self.predictors[0].network):
            raise InputError("The network has no dropout layer, so disagreement by dropout cannot be measured.")

    def __call__(self, paths: Sequence[Path]) -> Iterator[Predictions]:
        """Finds landmarks in image files, a batch at a time in their order.

        Raises:
            InputError: an image cannot be read.
        """
        for start in range(0, len(paths), self._batch_size):
            yield self.observe(paths[start : start + self._batch_size])

    @torch.inference_mode()
    def observe(self, paths: Sequence[Path]) -> Predictions:
        """Finds landmarks in image files, as one batch.

        Raises:
            InputError: an image cannot be read.
        """
        first = self.predictors[0]
        batch = load_batch(paths, first.protocol, first.device)
        with FeatureTap(first.network) if self._features else nullcontext() as tap:
            output = first.network(batch.image)
        found = read_output(output, batch, first.protocol, first.threshold)
        makers = {"augmentation": self._augmented, "dropout": self._dropped, "ensemble": self._ensemble}
        samples = {source: makers[source](paths, batch, found.points) for source in self.sources}
        return found._replace(samples=samples, features=None if tap is None else tap.features)

    def _augmented(self, paths: Sequence[Path], batch: ImageBatch, points: torch.Tensor) -> torch.Tensor:
        first = self.predictors[0]
        changed = [view for view in views_of(first.protocol) if view != View()]
        return torch.stack([points, *(seen_through(view, first, batch) for view in changed)])

    def _dropped(self, paths: Sequence[Path], batch: ImageBatch, points: torch.Tensor) -> torch.Tensor:
        first = self.predictors[0]
        with dropping(first.network, self._seed, first.device):
            passes = [first.network(batch.image) for _ in range(DROPOUT_PASSES)]
        return torch.stack([read_output(out, batch, first.protocol).points for out in passes])

    def _ensemble(self, paths: Sequence[Path], batch: ImageBatch, points: torch.Tensor) -> torch.Tensor:
        found = [points]
        for other in self.predictors[1:]:
            # each model prepares images as its own protocol says
            own = load_batch(paths, other.protocol, other.device)
            output = other.network(own.image)
            found.append(read_output(output, own, other.protocol).points.to(points.device))
        return torch.stack(found)


def seen_through(view: View, predictor: Predictor, batch: ImageBatch) -> torch.Tensor:
    """(B, K, 2) points in the original images that a model finds in a view of them."""
    height, width = batch.image.shape[2:]
    there = torch.from_numpy(view.matrix(width, height)).to(batch.matrix)
    output = predictor.network(view.draw(batch.image))
    points = read_output(output, batch._replace(matrix=there @ batch.matrix), predictor.protocol).points
    # what looks like a left landmark in a mirrored image is the right one
    return points[:, list(predictor.protocol.swap)] if view.flip else points
