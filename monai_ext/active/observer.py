"""Runs models over image files and keeps what measures of uncertainty look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from monai_ext.inferers import ImageBatch, Predictions, Predictor, Source, load_batch, read_output
from monai_ext.landmarks import InputError

from .dropout import dropout_layers, dropping
from .features import FeatureTap
from .views import View, views_of

#: Passes with dropout.
DROPOUT_PASSES = 10


class Observer:
    """What one or more models find in images, with all that measures of uncertainty need.

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
            raise InputError(f"At least one model and one image at a time, not {len(predictors)} and {batch_size}.")
        names = {predictor.protocol.landmark_names for predictor in self.predictors}
        if len(names) > 1:
            raise InputError("The models of an ensemble answer for the same landmarks in one order; these do not.")
        if "dropout" in self.sources and not dropout_layers(self.predictors[0].network):
            raise InputError("The network has no dropout layer, hence no disagreement by dropout.")

    def __call__(self, paths: Sequence[Path]) -> Iterator[Predictions]:
        """What is found in image files, a batch at a time in their order.

        Raises:
            InputError: an image cannot be read.
        """
        for start in range(0, len(paths), self._batch_size):
            yield self.observe(paths[start : start + self._batch_size])

    @torch.inference_mode()
    def observe(self, paths: Sequence[Path]) -> Predictions:
        """What is found in image files, as one batch.

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
