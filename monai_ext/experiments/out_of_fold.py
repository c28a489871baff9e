"""The errors of all folds together, in lengths, in percent of the image's width and of a distance in the image.

Errors, widths and distances are in the evaluation's unit, so that pixels need not be square where their size is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_ext.evaluation import Evaluation, Measures, Number, Pair, Reading, Result, mean_interval, with_presence
from monai_ext.landmarks import FloatArray

from .predictions import Answer

#: Names the row of all landmarks.
ALL = "all"


class RelativeScores(Result):
    """The errors of one landmark over all images, or of all landmarks together; NaN where nothing was measured.

    Attributes:
        name: the landmark, or "all".
        mean, low, high: mean error and its 95 % bootstrap interval over images, or their subjects where stated, in the
            evaluation's unit.
        median: of the errors.
        of_width: mean error in percent of each image's width.
        of_distance: mean error in percent of each image's distance between two landmarks.
        worst: largest error, in the evaluation's unit.
        failures: images whose error of this landmark, or of any, is above the limit of the distance, or above that
            in the evaluation's unit where there is no distance.
        images: that were measured.
        left_out: those of them that no failure is counted of, because the distance is not known in them.
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
    left_out: int = 0

    @property
    def judged(self) -> int:
        """Number of images that the failures are counted among."""
        return self.images - self.left_out

    def to_dict(self) -> dict[str, Any]:
        """As :meth:`Result.to_dict`; ``left_out`` only where it is not 0."""
        document = super().to_dict()
        return document if self.left_out else {key: value for key, value in document.items() if key != "left_out"}


@dataclass(frozen=True)
class OutOfFold(Reading):
    """Answers of the models of all folds on images that they had not seen.

    Attributes:
        rows: one per landmark, and the last of all together.
        called: by image, the (K,) status codes that the network gave the landmarks; None where they are not known.
    """

    rows: tuple[RelativeScores, ...] = ()
    called: Mapping[str, NDArray[np.int8] | None] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Sequence[Pair], measures: Measures, subjects: Mapping[str, str] | None = None) -> OutOfFold:
        """Measures pairs, which are put in the order of their IDs.

        Args:
            pairs: image ID, truth and prediction of each image.
            measures: what is measured.
            subjects: of the images, by ID, as far as they are stated; intervals are over them.

        Raises:
            InputError: the measures do not fit the images.
        """
        ordered = sorted(pairs, key=lambda pair: pair[0])
        evaluation = measures.evaluate(ordered).of_subjects(subjects or {})
        normalized = measures.normalize(ordered, evaluation)
        return cls(ordered, evaluation, normalized, rows=_rows(ordered, evaluation, measures))

    @classmethod
    def of_answers(
        cls, answers: Sequence[Answer], measures: Measures, subjects: Mapping[str, str] | None = None
    ) -> OutOfFold:
        """As :meth:`of`: distances to the likeliest places, presence counted from what the networks called them.

        Where an answer does not say what the network called its landmarks, the counts are None.

        Raises:
            InputError: the measures do not fit the images.
        """
        found = cls.of([answer.pair for answer in answers], measures, subjects)
        called = {answer.image: answer.status for answer in answers}
        stated = [status for image, _, _ in found.pairs if (status := called[image]) is not None]
        truth = np.stack([truth.status for _, truth, _ in found.pairs])
        prediction = np.stack(stated) if len(stated) == len(found.pairs) else None
        return replace(found, evaluation=with_presence(found.evaluation, truth, prediction), called=called)

    def to_dict(self) -> dict[str, Any]:
        """As :meth:`Reading.to_dict`, and the rows as ``relative``."""
        return super().to_dict() | {"relative": [row.to_dict() for row in self.rows]}


def _rows(pairs: Sequence[Pair], evaluation: Evaluation, measures: Measures) -> tuple[RelativeScores, ...]:
    errors = np.array([image.errors for image in evaluation.images], dtype=np.float64)
    scales = [truth.frame.scale if evaluation.unit == "mm" else np.ones(2) for _, truth, _ in pairs]
    widths = [truth.frame.width * scale[0] for (_, truth, _), scale in zip(pairs, scales, strict=True)]
    of_width = 100 * errors / np.array(widths)[:, None]
    distance = np.full(len(pairs), np.nan)
    if measures.between is not None:
        first, second = measures.between
        for i, (_, truth, _) in enumerate(pairs):
            a, b = truth.point(first), truth.point(second)
            if a is not None and b is not None:
                distance[i] = np.linalg.norm((a - b) * scales[i]) or np.nan
    of_distance = 100 * errors / distance[:, None]
    failed = errors > measures.failure if measures.between is None else of_distance > measures.normalized_limit
    judged = ~np.isnan(errors if measures.between is None else of_distance)
    columns = [(name, [k]) for k, name in enumerate(evaluation.names)]
    columns.append((ALL, list(range(len(evaluation.names)))))
    subjects = evaluation.subjects
    return tuple(
        _row(name, errors[:, k], of_width[:, k], of_distance[:, k], failed[:, k], judged[:, k], subjects)
        for name, k in columns
    )


def _row(
    name: str,
    errors: FloatArray,
    of_width: FloatArray,
    of_distance: FloatArray,
    failed: NDArray[np.bool_],
    judged: NDArray[np.bool_],
    subjects: Sequence[int],
) -> RelativeScores:
    interval = mean_interval(errors, subjects)
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
        left_out=interval.images - int(judged.any(axis=1).sum()),
    )


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
