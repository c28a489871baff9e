"""The errors of all folds together, in lengths, in percent of the image's width and of a distance in the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_ext.evaluation import Evaluation, Measures, Number, Pair, Reading, Result, mean_interval
from monai_ext.landmarks import FloatArray

#: Names the row of all landmarks.
ALL = "all"


class RelativeScores(Result):
    """The errors of one landmark over all images, or of all landmarks together; NaN where nothing was measured.

    Attributes:
        name: the landmark, or "all".
        mean, low, high: mean error and its 95 % bootstrap interval over images, in the evaluation's unit.
        median: of the errors.
        of_width: mean error in percent of each image's width.
        of_distance: mean error in percent of each image's distance between two landmarks.
        worst: largest error, in the evaluation's unit.
        failures: images whose error of this landmark, or of any, is above the limit of the distance, or above that
            in the evaluation's unit where there is no distance.
        images: that were measured.
    """

    name: str
    mean: Number
    low: Number
    high: Number
    median: Number
    of_width: Number
    of_distance: Number
    worst: Number
    failures: int
    images: int


@dataclass(frozen=True)
class OutOfFold(Reading):
    """Answers of the models of all folds on images that they had not seen.

    Attributes:
        rows: one per landmark, and the last of all together.
    """

    rows: tuple[RelativeScores, ...] = ()

    @classmethod
    def of(cls, pairs: Sequence[Pair], measures: Measures) -> OutOfFold:
        """Measures pairs, which are put in the order of their IDs.

        Raises:
            InputError: the measures do not fit the images.
        """
        ordered = sorted(pairs, key=lambda pair: pair[0])
        evaluation = measures.evaluate(ordered)
        normalized = measures.normalize(ordered, evaluation)
        return cls(ordered, evaluation, normalized, rows=_rows(ordered, evaluation, measures))

    def to_dict(self) -> dict[str, Any]:
        """As :meth:`Reading.to_dict`, and the rows as ``relative``."""
        return super().to_dict() | {"relative": [row.to_dict() for row in self.rows]}


def _rows(pairs: Sequence[Pair], evaluation: Evaluation, measures: Measures) -> tuple[RelativeScores, ...]:
    errors = np.array([image.errors for image in evaluation.images], dtype=np.float64)
    pixels = np.array([image.errors_px for image in evaluation.images], dtype=np.float64)
    of_width = 100 * pixels / np.array([[truth.frame.width] for _, truth, _ in pairs])
    distance = np.full(len(pairs), np.nan)
    if measures.between is not None:
        first, second = measures.between
        for i, (_, truth, _) in enumerate(pairs):
            a, b = truth.point(first), truth.point(second)
            if a is not None and b is not None:
                distance[i] = np.linalg.norm(a - b)
    of_distance = 100 * pixels / distance[:, None]
    failed = errors > measures.failure if measures.between is None else of_distance > measures.normalized_limit
    columns = [(name, [k]) for k, name in enumerate(evaluation.names)]
    columns.append((ALL, list(range(len(evaluation.names)))))
    return tuple(_row(name, errors[:, k], of_width[:, k], of_distance[:, k], failed[:, k]) for name, k in columns)


def _row(
    name: str, errors: FloatArray, of_width: FloatArray, of_distance: FloatArray, failed: NDArray[np.bool_]
) -> RelativeScores:
    interval = mean_interval(errors)
    known = errors[~np.isnan(errors)]
    return RelativeScores(
        name=name,
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        median=float(np.median(known)) if known.size else math.nan,
        of_width=_mean(of_width),
        of_distance=_mean(of_distance),
        worst=float(known.max()) if known.size else math.nan,
        failures=int(failed.any(axis=1).sum()),
        images=interval.images,
    )


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
