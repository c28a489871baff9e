"""Probabilities from which on landmarks count as present, fitted where some images lack them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from monai_ext.landmarks import FloatArray, Fraction, InputError, Status, Strict

#: What a threshold makes largest: the mean of the shares of present and of missing landmarks that are called right, or
#: the F1 score of finding the missing ones.
Criterion = Literal["balanced_accuracy", "f1"]

#: Where a landmark has no threshold of its own: one whose probability of being present is below this is missing.
PRESENCE_THRESHOLD = 0.5

#: Scores that differ by less are the same.
TIE = 1e-12


class FittedThreshold(NamedTuple):
    """A threshold and the score that it reaches."""

    threshold: float
    score: float


class PresenceThreshold(Strict):
    """For each landmark the probability from which on it is called present.

    Args:
        criterion: what was made largest.
        landmarks: K names.
        thresholds: of each; None if too few images lack it, or have it: not fitted.
        scores: reached on the images that it was fitted on.
        present: images that have each landmark.
        missing: images that lack it.
    """

    criterion: Criterion
    landmarks: tuple[str, ...]
    thresholds: tuple[Fraction | None, ...]
    scores: tuple[Fraction | None, ...]
    present: tuple[Annotated[int, Field(ge=0)], ...]
    missing: tuple[Annotated[int, Field(ge=0)], ...]

    @model_validator(mode="after")
    def _one_for_each(self) -> PresenceThreshold:
        lengths = {len(part) for part in (self.landmarks, self.thresholds, self.scores, self.present, self.missing)}
        if len(lengths) != 1:
            raise ValueError("landmarks, thresholds, scores, present and missing must be of one length")
        return self

    @classmethod
    def fit(
        cls,
        probability: ArrayLike,
        status: ArrayLike,
        landmarks: Sequence[str],
        criterion: Criterion = "balanced_accuracy",
        *,
        fewest: int = 1,
    ) -> PresenceThreshold:
        """Fits the thresholds.

        Args:
            probability: (N, K) of being present, as predicted by the network.
            status: (N, K) true codes of Status; those that are not annotated do not count.
            landmarks: K names.
            criterion: what is made largest.
            fewest: images that have a landmark, and that lack it, for a threshold of its own.

        Raises:
            InputError: shapes that do not fit, a probability that is none, an unknown criterion.
        """
        probable, true = np.asarray(probability, dtype=np.float64), np.asarray(status)
        if probable.ndim != 2 or probable.shape != true.shape or probable.shape[1] != len(landmarks):
            raise InputError(
                f"Probabilities and status of {len(landmarks)} landmarks have the shape (N, {len(landmarks)}), "
                f"not {probable.shape} and {true.shape}."
            )
        if criterion not in get_args(Criterion):
            raise InputError(
                f"The criterion of a threshold must be {' or '.join(get_args(Criterion))}, not {criterion!r}."
            )
        present, missing = true == Status.DEFINED, true == Status.MISSING
        if not ((probable >= 0) & (probable <= 1))[present | missing].all():
            raise InputError("Probabilities of presence must lie between 0 and 1; some do not.")
        enough = np.minimum(present.sum(0), missing.sum(0)) >= fewest
        fitted = [
            best_threshold(probable[present[:, k], k], probable[missing[:, k], k], criterion) if enough[k] else None
            for k in range(len(landmarks))
        ]
        return cls(
            criterion=criterion,
            landmarks=tuple(landmarks),
            thresholds=tuple(None if f is None else f.threshold for f in fitted),
            scores=tuple(None if f is None else f.score for f in fitted),
            present=tuple(present.sum(0).tolist()),
            missing=tuple(missing.sum(0).tolist()),
        )

    def filled(self, default: float = PRESENCE_THRESHOLD) -> FloatArray:
        """(K,) the thresholds, with a default for landmarks that have none of their own."""
        return np.array([default if t is None else t for t in self.thresholds])

    def defined(self, probability: ArrayLike, default: float = PRESENCE_THRESHOLD) -> NDArray[np.bool_]:
        """(..., K) which landmarks count as present.

        Args:
            probability: (..., K).
            default: threshold of landmarks that have none of their own.
        """
        return np.asarray(probability) >= self.filled(default)


def best_threshold(present: FloatArray, missing: FloatArray, criterion: Criterion) -> FittedThreshold | None:
    """The threshold that separates two sets of probabilities best; None if one of the sets is empty.

    It lies in the middle between two probabilities. Where several are equally good it is the one nearest to 0.5, and
    of two as near the lower one. One that would call every image missing is not considered.

    Args:
        present: (P,) probabilities of images that have the landmark.
        missing: (M,) of those that lack it.
        criterion: what is made largest.
    """
    if not len(present) or not len(missing):
        return None
    values = np.unique(np.concatenate([present, missing]))
    below = np.concatenate([[0.0], values[:-1]])
    # in the middle of a gap, unless rounding would put it on the lower end
    middle = (below + values) / 2
    thresholds = np.where((middle > below) | (middle == 0), middle, values)
    kept = (present[None] >= thresholds[:, None]).sum(1)
    found = (missing[None] < thresholds[:, None]).sum(1)
    if criterion == "f1":
        lost = len(present) - kept
        scores = 2 * found / (found + lost + len(missing))
    else:
        scores = (kept / len(present) + found / len(missing)) / 2
    best = np.flatnonzero(scores >= scores.max() - TIE)
    nearest = min(best.tolist(), key=lambda i: (round(abs(float(thresholds[i]) - 0.5) / TIE), float(thresholds[i])))
    return FittedThreshold(float(thresholds[nearest]), min(1.0, float(scores[nearest])))


def not_fitted(thresholds: PresenceThreshold) -> tuple[str, ...]:
    """The landmarks that have no threshold of their own."""
    return tuple(
        name
        for name, threshold in zip(thresholds.landmarks, thresholds.thresholds, strict=True)
        if threshold is None or math.isnan(threshold)
    )
