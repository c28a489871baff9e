"""Active learning played through on images that are all labelled: which strategy needs fewer labels?"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from monai_ext.active import (
    USES_FEATURES,
    USES_SCORES,
    Candidates,
    Observer,
    UncertaintyMeasure,
    by_chance,
    find_measure,
    select,
)
from monai_ext.engines import LabelledImage, labelled_images, split_images
from monai_ext.evaluation import Pair, common_unit, distances
from monai_ext.inferers import Predictor, Reduction, image_score
from monai_ext.landmarks import FloatArray, InputError, Length, Protocol, Unit
from monai_ext.networks import build_network
from monai_ext.studies import Studies

from .predictions import Predictions, frames_of, predict, read_predictions, write_predictions
from .rounds import INITIAL, ChoiceFile, RoundCell, all_cells, check_strategies, label_counts
from .series import Series, length
from .settings import SimulationSettings


class PoolView(NamedTuple):
    """Answers of a model for N images.

    Attributes:
        scores: (N,) uncertainty of each image, or None if no measure was requested.
        features: (N, F) of each image, or None if they were not asked for.
    """

    scores: FloatArray | None
    features: FloatArray | None


def view_pool(
    predictors: Sequence[Predictor],
    paths: Sequence[Path],
    measure: UncertaintyMeasure | None = None,
    *,
    reduction: Reduction = "mean",
    features: bool = False,
    batch_size: int = 4,
    on_image: Callable[[], None] = lambda: None,
) -> PoolView:
    """Looks at image files.

    Args:
        predictors: the model; further ones for disagreement by ``ensemble``.
        paths: N image files.
        measure: of uncertainty, or None.
        reduction: how landmarks make the score of an image.
        features: whether features are wanted.
        batch_size: images at a time.
        on_image: called after each image.

    Raises:
        InputError: an image cannot be read, or the models cannot have the measure.
    """
    sources = (measure.source,) if measure is not None and measure.source is not None else ()
    observer = Observer(predictors, sources, features=features, batch_size=batch_size)
    scores: list[FloatArray] = []
    vectors: list[FloatArray] = []
    for found in observer(paths) if measure is not None or features else ():
        if measure is not None:
            scores.append(image_score(measure.compute(found), found.status, reduction).double().cpu().numpy())
        if found.features is not None:
            vectors.append(found.features.double().cpu().numpy())
        for _ in range(len(found.points)):
            on_image()
    return PoolView(
        np.concatenate([*scores, np.zeros(0)]) if measure is not None else None,
        np.concatenate(vectors) if vectors else np.zeros((0, 0)) if features else None,
    )


class Simulation(Series[RoundCell]):
    """A simulation on one study: its training images are the pool, its validation images are reported.

    Args:
        protocol: whose recipe every training has; it must not stop early.
        studies: images with labels and splits.
        output: folder of the results.
        settings: what a person chose.

    Attributes:
        counts: labels after each round, the first ones included.
        cells: all cells in the order in which they are trained.
        length: how long each is trained.

    Raises:
        InputError: an unknown strategy or measure, too few images, a missing source.
    """

    settings: SimulationSettings

    def __init__(self, protocol: Protocol, studies: Studies, output: Path, settings: SimulationSettings) -> None:
        super().__init__(protocol, output, settings)
        self.strategies = check_strategies(settings.strategies)
        if not USES_SCORES.isdisjoint(self.strategies):
            find_measure(settings.measure, self.protocol, build_network(self.protocol))
        train, self.reported = split_images(labelled_images(studies), protocol.recipe.val_fraction)
        self._pool = {image.id: image for image in train}
        self.counts = label_counts(settings.initial, settings.batch, settings.rounds, len(train))
        self.cells = all_cells(self.strategies, self.counts, settings.seeds)
        self.length: Length = length(self.counts[-1], self.counts[-1], protocol.recipe, max_steps=settings.max_steps)

    def length_of(self, cell: RoundCell) -> Length:
        """The same for all cells."""
        return self.length

    def labelled(self, cell: RoundCell) -> list[str] | None:
        """The IDs of a cell's training images in the order in which they were chosen.

        None if a round before it is not finished.
        """
        before = self._before(cell)
        if before is None:
            return by_chance(Candidates(tuple(self._pool), seed=cell.seed), cell.labels)
        known, chosen = self.labelled(before), self._chosen(cell)
        return None if known is None or chosen is None else known + chosen

    def finished_cells(self) -> list[dict[str, Any]]:
        """Facts of all finished cells, with errors in the unit and the pixel sizes of the images as they are now."""
        frames = frames_of(self.reported)
        unit, found = common_unit(frames.values()), []
        for cell in self.cells:
            document = self.finished(cell)
            if document is not None and (unit == "mm" or document["unit"] != unit):
                answers = read_predictions(self._opened(cell).predictions, frames)
                document |= dict(zip(("error", "unit"), mean_error(_answered(answers)), strict=True))
            if document is not None:
                found.append(document)
        return found

    def _run(self, cell: RoundCell, on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        before = self._before(cell)
        if before is not None and self._chosen(cell) is None:
            self._choose(before)
        folder, labelled = self._opened(cell), self.labelled(cell)
        assert labelled is not None
        start = None if before is None or not self.settings.warm else self._opened(before).model
        trained = folder.train(self.protocol, self._images(cell), self._options(cell), on_progress, start=start)
        if start is not None and not trained["published"] and not folder.has_weights:
            shutil.copytree(start, folder.model, dirs_exist_ok=True)
        predictor = Predictor.load(folder.model, self.device)
        found = predict(predictor, self.reported, (self.protocol.network.decoder,))
        write_predictions(folder.predictions, found)
        error, unit = mean_error(_answered(found))
        document = {
            "strategy": cell.strategy,
            "round": cell.round,
            "labels": cell.labels,
            "seed": cell.seed,
            "error": error,
            "unit": unit,
            "labelled": labelled,
            **trained,
        }
        folder.finish(document, keep_weights=True)
        if before is not None:
            self._after_all(before)
        return document | {"val_error": error}

    def _choose(self, cell: RoundCell) -> None:
        """Chooses the next labels of every strategy that goes on from a finished cell, and writes them down."""
        open_cells = [after for after in self._after(cell) if self._chosen(after) is None]
        strategies = {after.strategy for after in open_cells}
        labelled = self.labelled(cell)
        assert labelled is not None
        rest = sorted(self._pool.keys() - set(labelled))
        scored, described = not USES_SCORES.isdisjoint(strategies), not USES_FEATURES.isdisjoint(strategies)
        scores = features = known = None
        if scored or described:
            predictor = Predictor.load(self._opened(cell).model, self.device)
            measure = find_measure(self.settings.measure, self.protocol, predictor.network) if scored else None
            look = partial(view_pool, [predictor], reduction=self.settings.reduction, features=described)
            scores, features = look([self._pool[id].image for id in rest], measure)
            known = look([self._pool[id].image for id in labelled]).features
        candidates = Candidates(tuple(rest), scores, features, known, cell.seed)
        for after in open_cells:
            choice = self._choice(after)
            assert choice is not None
            choice.write(select(after.strategy, candidates, after.labels - cell.labels))

    def _chosen(self, cell: RoundCell) -> list[str] | None:
        """The IDs that a cell's strategy added to those of the round before; None if they are not chosen yet."""
        choice = self._choice(cell)
        return None if choice is None else choice.read()

    def _choice(self, cell: RoundCell) -> ChoiceFile | None:
        """The file of what a cell adds; None if the images of the round before are not chosen yet."""
        before = self._before(cell)
        folder = None if before is None else self._folder(before)
        if folder is None:
            return None
        parts = [folder.signature, cell.strategy, str(cell.labels), *sorted(self._pool)]
        if cell.strategy in USES_SCORES:
            parts += [self.settings.measure, self.settings.reduction]
        return ChoiceFile(self.output, cell.name, parts)

    def _before(self, cell: RoundCell) -> RoundCell | None:
        if cell.round == 0:
            return None
        name = INITIAL if cell.round == 1 else cell.strategy
        return RoundCell(name, cell.round - 1, self.counts[cell.round - 1], cell.seed)

    def _after(self, cell: RoundCell) -> list[RoundCell]:
        return [other for other in self.cells if self._before(other) == cell]

    def _depends_on(self, cell: RoundCell) -> tuple[list[LabelledImage], list[str]] | None:
        if self.labelled(cell) is None:
            return None
        before = self._before(cell)
        warm = [self._opened(before).signature] if self.settings.warm and before is not None else []
        return self._images(cell), warm

    def _before_all(self, cell: RoundCell) -> None:
        """Reopens a finished cell whose weights are missing but needed by a strategy that continues from it."""
        folder = self._folder(cell)
        if folder is not None and folder.finished() and not folder.has_weights and self._needed(cell):
            folder.reopen()

    def _after_all(self, cell: RoundCell) -> None:
        """Drops the weights of a finished cell that nothing depends on any more, unless they are to be kept."""
        folder = self._folder(cell)
        if folder is not None and not self.settings.keep_weights and folder.finished() and not self._needed(cell):
            folder.drop_weights()

    def _needed(self, cell: RoundCell) -> bool:
        """True where the weights of a finished cell are needed for the cells after it."""
        return any(self.finished(after) is None for after in self._after(cell))

    def _labelled(self) -> list[LabelledImage]:
        return [*self._pool.values(), *self.reported]

    def _images(self, cell: RoundCell) -> list[LabelledImage]:
        chosen = [replace(self._pool[id], split="train") for id in sorted(self.labelled(cell) or ())]
        return chosen + [replace(image, split="val") for image in self.reported]

    def _more_options(self, cell: RoundCell) -> Mapping[str, Any]:
        return {"seed": cell.seed, "warm_start": self.settings.warm}


def _answered(found: Predictions) -> list[Pair]:
    return next([answer.pair for answer in answers] for (stage, _), answers in found.items() if stage == "answer")


def mean_error(pairs: Sequence[Pair]) -> tuple[float, Unit]:
    """The mean distance over all truly defined landmarks of all images, in mm where all are calibrated, else px.

    Raises:
        InputError: no landmark is defined.
    """
    unit = common_unit(truth.frame for _, truth, _ in pairs)
    apart = np.concatenate([distances(truth, found, unit) for _, truth, found in pairs])
    if np.isnan(apart).all():
        raise InputError("The validation images have no defined landmark: label one of them completely.")
    return float(apart[~np.isnan(apart)].mean()), unit
