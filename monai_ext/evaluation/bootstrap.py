"""Bootstrap intervals over images, or their subjects: the range of a mean error with others of the same kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monai_ext.landmarks import FloatArray, InputError

LEVEL = 0.95
RESAMPLES = 9999
SEED = 0

#: Drawn indices held at once.
_HELD = 4_000_000


class Interval(NamedTuple):
    """A mean over all measured distances, and where it lies with other images.

    Attributes:
        mean: NaN where nothing was measured.
        low, high: ends of the interval; NaN with fewer than two measured images or subjects.
        images: that have a measured distance.
        distances: how many.
    """

    mean: float
    low: float
    high: float
    images: int
    distances: int

    @property
    def known(self) -> bool:
        """True where there are enough images, or subjects, for an interval."""
        return not math.isnan(self.low)


def mean_interval(
    errors: ArrayLike,
    subjects: Sequence[int] = (),
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """The mean of all distances with its percentile bootstrap interval (Efron, Annals of Statistics 7, 1979).

    Images are drawn with replacement, each with all its landmarks, because the errors of one image are not independent.
    Nor are those of the images of one subject: where subjects are stated they are drawn, each with all its images. The
    mean is over landmarks, so that an image counts by how many of its landmarks were measured.

    Args:
        errors: (N, K) distances of N images, NaN where not measured.
        subjects: (N,) numbers, the same for images of one subject; empty where each image stands for itself.
        level: share of the resampled means that lie in the interval, in (0, 1).
        resamples: how many.
        seed: the same seed gives the same interval.

    Raises:
        InputError: the shape is not (N, K), there are not N subjects, the level is not in (0, 1), or there are no
            resamples.
    """
    distances = np.asarray(errors, dtype=np.float64)
    if distances.ndim != 2:
        raise InputError(f"Errors must have the shape (images, landmarks), not {distances.shape}.")
    if not 0 < level < 1 or resamples < 1:
        raise InputError(
            f"An interval needs a level in (0, 1) and at least one resample, not {level:g} and {resamples}."
        )
    known = (~np.isnan(distances)).sum(axis=1)
    images, total = int((known > 0).sum()), int(known.sum())
    sums, counts = _of_subjects(np.stack([np.nansum(distances, axis=1), known]), subjects)
    sums, counts = sums[counts > 0], counts[counts > 0]
    n = len(counts)
    if n < 2:
        return Interval(float(sums.sum() / total) if n else math.nan, math.nan, math.nan, images, total)
    from scipy.stats import bootstrap  # takes a second to load

    means = bootstrap(
        (sums, counts),
        lambda distances, number, axis: distances.sum(axis=axis) / number.sum(axis=axis),
        n_resamples=resamples,
        batch=max(1, _HELD // n),
        paired=True,
        vectorized=True,
        confidence_level=level,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).bootstrap_distribution
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(sums.sum() / total), float(low), float(high), images, total)


def difference_interval(
    errors: ArrayLike,
    reference: ArrayLike,
    subjects: Sequence[int] = (),
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """The mean of ``errors - reference`` on the same images, with its interval as :func:`mean_interval`.

    Only distances that both measured count, so that no side gains by leaving out what is hard.

    Args:
        errors: (N, K) of one model.
        reference: (N, K) of the other, the same images and landmarks in the same order.
        subjects: as :func:`mean_interval`.
        level: as :func:`mean_interval`.
        resamples: as there.
        seed: as there.

    Raises:
        InputError: as :func:`mean_interval`; the shapes differ.
    """
    first, second = np.asarray(errors, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if first.shape != second.shape:
        raise InputError(
            f"Paired errors must be of the same images and landmarks, not of shapes {first.shape} and {second.shape}."
        )
    return mean_interval(first - second, subjects, level=level, resamples=resamples, seed=seed)


def ratio_interval(
    logs: FloatArray,
    mask: NDArray[np.bool_],
    subjects: Sequence[int] = (),
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[float, float, float]:
    """Geometric mean of the values in a mask divided by that of the others, with its percentile bootstrap interval.

    Args:
        logs: (N, K) natural logarithms of N images, NaN where not measured.
        mask: (N, K).
        subjects: as :func:`mean_interval`.
        level: as :func:`mean_interval`.
        resamples: as there.
        seed: as there.

    Returns:
        The ratio and the two ends of its interval; NaN where one side is empty.
    """
    sums = _of_subjects(np.stack([*row_sums(logs, mask), *row_sums(logs, ~mask)]), subjects)
    rng, n = np.random.default_rng(seed), sums.shape[1]
    batches = np.array_split(np.empty(resamples), max(1, resamples * n // _HELD))
    drawn = [sums @ rng.multinomial(n, np.full(n, 1 / n), len(batch)).T for batch in batches]
    resampled = _ratio(np.concatenate(drawn, axis=1))
    if np.isnan(resampled).all():
        return math.nan, math.nan, math.nan
    low, high = np.nanquantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(_ratio(sums.sum(axis=1))), float(low), float(high)


def row_sums(values: FloatArray, mask: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """(N) sums and counts of the known values of a mask, row by row.

    Args:
        values: (N, K), NaN where not known.
        mask: (N, K).
    """
    known = mask & ~np.isnan(values)
    return np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64)


def _of_subjects(sums: FloatArray, subjects: Sequence[int]) -> FloatArray:
    """(R, N) sums of images as (R, S) sums of their subjects; the same where none are stated."""
    if not len(subjects):
        return sums
    if len(subjects) != sums.shape[1]:
        raise InputError(f"{sums.shape[1]} images need as many numbers of subjects, not {len(subjects)}.")
    number = np.unique(subjects, return_inverse=True)[1]
    return np.stack([np.bincount(number, row) for row in sums])


def _ratio(sums: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.exp(sums[0] / sums[1] - sums[2] / sums[3]))
