"""Factors with which errors are larger than without: groups of landmarks compared with the rest, and tested."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monai_ext.landmarks import FloatArray, InputError, Strict

from .bootstrap import RESAMPLES, SEED, mean_interval, ratio_interval, row_sums
from .exchange import exchangeable_landmarks, image_orders
from .factors import OF_IMAGE, OF_LANDMARK, Factors
from .recorded_points import read_part
from .scores import Cause, GroupErrors

#: Least number of images in a group and in the rest.
LEAST_IMAGES = 5
#: Share of the landmarks with the lowest or highest values that make a group.
SHARE = 0.25
#: Causes are reported up to this p-value, adjusted for the number of groups.
SIGNIFICANT = 0.05
#: Errors below this share of the landmark's median count as that share, because zero has no logarithm.
FLOOR = 0.01

#: Stands for a factor where a landmark is compared with the others.
LANDMARK = "landmark"

#: Permuted values held at once.
_HELD = 4_000_000

Mask = NDArray[np.bool_]


class FailureCauses(Strict):
    """Result of the search for causes.

    Args:
        tested: names of all groups.
        causes: those with larger errors: first those without a measured distance, then by falling ratio.
        factors: that the groups were made by.
    """

    tested: tuple[str, ...]
    causes: tuple[Cause, ...]
    factors: Factors


class _Group(NamedTuple):
    name: str
    factor: str
    mask: Mask


def find_causes(
    errors: ArrayLike,
    names: Sequence[str],
    factors: Factors,
    failure_threshold: float,
    subjects: Sequence[int] = (),
) -> FailureCauses:
    """Searches the factors for those that go with larger errors.

    A group is the quarter of the landmarks with the lowest or the highest values of a factor, each landmark among its
    own kind. Its logarithmic errors, centred for each landmark, and its share of failures are compared with those of
    the rest. Errors of whole images are permuted among images; p-values are adjusted by the smallest p-value of each
    permutation (Westfall and Young, Resampling-Based Multiple Testing, 1993). Landmarks are compared with the mean of
    the others in the same image: errors are permuted among the measured landmarks of each image, and p-values are
    adjusted by the largest difference of each permutation. Where there are both groups by factors and landmarks, all
    p-values are doubled (Bonferroni). Where subjects are stated, intervals are over them and no permutation divides
    one: whole subjects and the images of each are exchanged (:func:`~monai_ext.evaluation.exchange.image_orders`), and
    landmarks in all images of a subject at once.

    Args:
        errors: (N, K) distances, NaN where not measured.
        names: of the K landmarks.
        factors: of the same images and landmarks.
        failure_threshold: a landmark fails above it.
        subjects: (N,) numbers, the same for images of one subject; empty where each image stands for itself.

    Raises:
        InputError: the errors are of other images or landmarks than the factors.
    """
    distances = np.asarray(errors, dtype=np.float64)
    number = np.asarray(subjects if len(subjects) else np.arange(len(distances)), dtype=np.intp)
    missed: Mask = np.asarray(factors.missed, dtype=bool).reshape(len(factors.missed), len(names))
    if distances.shape != missed.shape:
        raise InputError(f"Errors of shape {distances.shape} need factors of the same shape, not {missed.shape}.")
    present = missed | ~np.isnan(distances)
    failed: Mask = missed | (np.nan_to_num(distances) > failure_threshold)
    logs = _logarithms(distances)
    centred = _centred(logs)
    groups = [group for group in _groups(factors, present) if _large_enough(group.mask, present)]
    tested = list(zip(groups, _adjusted(groups, centred, failed, present, number), strict=True))
    landmarks = _landmark_groups(names, present & ~missed) if len(names) > 1 else []
    families = (len(groups) > 0) + (len(landmarks) > 0)
    tested += list(zip(landmarks, _adjusted_landmarks(landmarks, logs, number), strict=True))
    causes = []
    for group, of_family in tested:
        p = min(1.0, families * of_family)
        if p > SIGNIFICANT:
            continue
        values = logs if group.factor == LANDMARK else centred
        ratio, low, high = ratio_interval(values, group.mask, subjects)
        sides = (_summary(distances, failed, present, mask, subjects) for mask in (group.mask, ~group.mask))
        most = group.mask.any(axis=0).argmax() if group.factor == LANDMARK else _most(values, group.mask)
        numbers = dict(zip(("group", "rest"), sides, strict=True)) | {"ratio": ratio, "low": low, "high": high, "p": p}
        causes.append(Cause(name=group.name, factor=group.factor, landmark=names[int(most)], **numbers))
    causes.sort(key=lambda cause: math.inf if math.isnan(cause.ratio) else cause.ratio, reverse=True)
    return FailureCauses(tested=tuple(group.name for group, _ in tested), causes=tuple(causes), factors=factors)


def cause_masks(result: FailureCauses, errors: ArrayLike) -> dict[str, Mask]:
    """Landmarks of each cause that a factor makes, by its name.

    Args:
        result: of :func:`find_causes`.
        errors: (N, K) that it searched.

    Returns:
        (N, K) masks.
    """
    present = np.array(result.factors.missed, dtype=bool) | ~np.isnan(np.asarray(errors, dtype=np.float64))
    names = {cause.name for cause in result.causes}
    return {group.name: group.mask for group in _groups(result.factors, present) if group.name in names}


def read_causes(document: Mapping[str, Any]) -> FailureCauses | None:
    """The causes in what ``evaluate`` wrote; None if it was written without.

    Raises:
        InputError: they are damaged.
    """
    return read_part(document, "failures", FailureCauses, "causes")


def _logarithms(distances: FloatArray) -> FloatArray:
    logs = np.full(distances.shape, np.nan)
    for k, column in enumerate(distances.T):
        known = ~np.isnan(column)
        floor = FLOOR * float(np.median(column[known])) if known.any() else 0.0
        logs[known, k] = np.log(np.maximum(column[known], floor if floor > 0 else np.finfo(np.float64).tiny))
    return logs


def _centred(logs: FloatArray) -> FloatArray:
    counts = np.maximum((~np.isnan(logs)).sum(axis=0), 1)
    return np.asarray(logs - np.nansum(logs, axis=0) / counts)


def _groups(factors: Factors, present: Mask) -> list[_Group]:
    groups = []
    for name, words in (OF_IMAGE | OF_LANDMARK).items():
        if name in factors.of_image:
            values = np.repeat(np.array(factors.of_image[name])[:, None], present.shape[1], axis=1)
        elif name in factors.of_landmark:
            values = np.array(factors.of_landmark[name]).reshape(present.shape)
        else:
            continue
        for word, sign in ((words.low, -1.0), (words.high, 1.0)):
            if word:
                mask = present & _extreme(np.where(present, sign * values, np.nan), halves=name == "order")
                groups.append(_Group(word.format(*(factors.line or ())), name, mask))
    return groups


def _extreme(values: FloatArray, *, halves: bool) -> Mask:
    """(N, K) the highest quarter of each column, without ties of its median; positive values for two ``halves``."""
    mask: Mask = np.zeros(values.shape, dtype=bool)
    for k, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if len(known):
            above = 0.0 if halves else np.median(known)
            mask[:, k] = (column > above) & (halves or column >= np.quantile(known, 1 - SHARE))
    return mask


def _large_enough(mask: Mask, present: Mask) -> bool:
    return min(int(side.any(axis=1).sum()) for side in (mask, present & ~mask)) >= LEAST_IMAGES


def _adjusted(
    groups: Sequence[_Group], logs: FloatArray, failed: Mask, present: Mask, subjects: NDArray[np.intp]
) -> list[float]:
    """Adjusted p-value of each group, of the smaller one of its two tests."""
    if not groups:
        return []
    masks = np.stack([group.mask for group in groups]).reshape(len(groups), -1).astype(np.float64)
    orders = image_orders(subjects, RESAMPLES, np.random.default_rng(SEED))
    batches = [np.arange(len(logs))[None], *np.array_split(orders, math.ceil(orders.size * logs.shape[1] / _HELD))]
    tests = ((logs, ~np.isnan(logs)), (failed, present))
    differences = [np.concatenate([_difference(masks, v, known, order) for v, known in tests]) for order in batches]
    statistics = np.concatenate(differences, axis=1).round(12)  # (2 G, 1 + RESAMPLES), the observed one first
    at_least = np.stack([len(row) - np.searchsorted(np.sort(row), row) for row in statistics])
    smallest = at_least.min(axis=0)
    return [float((smallest <= count).mean()) for count in at_least[:, 0].reshape(2, -1).min(axis=0)]


def _difference(masks: FloatArray, values: ArrayLike, known: Mask, order: NDArray[np.intp]) -> FloatArray:
    """(G, P) means inside the groups less those outside, rows of the values in each order; -inf for an empty side."""
    value = np.where(known, values, 0.0)[order].reshape(len(order), -1).T
    count = known[order].reshape(len(order), -1).T.astype(np.float64)
    inside, of_inside = masks @ value, masks @ count
    outside, of_outside = value.sum(axis=0) - inside, count.sum(axis=0) - of_inside
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(inside / of_inside - outside / of_outside, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)


def _landmark_groups(names: Sequence[str], measured: Mask) -> list[_Group]:
    columns = np.eye(len(names), dtype=bool)
    groups = [_Group(f"landmark {name}", LANDMARK, measured & columns[k]) for k, name in enumerate(names)]
    return [group for group in groups if _large_enough(group.mask, measured)]


def _adjusted_landmarks(groups: Sequence[_Group], logs: FloatArray, subjects: NDArray[np.intp]) -> list[float]:
    """One-sided p-value of each landmark, adjusted for all of them.

    Labels are permuted among the measured landmarks of each image, or subject. The statistic of a landmark is the mean
    difference of its logarithms from the mean of the others in the same image, divided by its standard deviation over
    the permutations, which does not depend on the labels.
    """
    if not groups:
        return []
    rng, rows = np.random.default_rng(SEED), exchangeable_landmarks(logs, subjects)
    sums, variance = np.zeros((1 + RESAMPLES, logs.shape[1])), np.zeros(logs.shape[1])
    for count in sorted({len(row.columns) for row in rows}):
        apart = np.stack([row.apart for row in rows if len(row.columns) == count])
        place = np.eye(logs.shape[1])[np.concatenate([row.columns for row in rows if len(row.columns) == count])]
        variance += np.repeat((apart**2).mean(axis=1), count) @ place
        sums[0] += apart.ravel() @ place
        for numbers in np.array_split(np.arange(1, 1 + RESAMPLES), math.ceil(RESAMPLES * apart.size / _HELD)):
            drawn = rng.permuted(np.broadcast_to(apart, (len(numbers), *apart.shape)), axis=2)
            sums[numbers] += drawn.reshape(len(numbers), -1) @ place
    chosen = [int(group.mask.any(axis=0).argmax()) for group in groups]
    spread = np.sqrt(variance[chosen])
    statistics = np.divide(sums[:, chosen], spread, out=np.zeros((len(sums), len(chosen))), where=spread > 0).round(12)
    largest = statistics.max(axis=1)
    return [float((largest >= observed).mean()) for observed in statistics[0]]


def _most(logs: FloatArray, mask: Mask) -> int:
    """The landmark whose mean differs most between inside and outside."""
    (inside, of_inside), (outside, of_outside) = (row_sums(logs.T, side.T) for side in (mask, ~mask))
    with np.errstate(invalid="ignore", divide="ignore"):
        return int(np.argmax(np.nan_to_num(inside / of_inside - outside / of_outside, nan=-np.inf)))


def _summary(distances: FloatArray, failed: Mask, present: Mask, mask: Mask, subjects: Sequence[int]) -> GroupErrors:
    inside = np.where(mask, distances, np.nan)
    interval, known = mean_interval(inside, subjects), inside[~np.isnan(inside)]
    return GroupErrors(
        images=int((mask & present).any(axis=1).sum()),
        count=interval.distances,
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        median=float(np.median(known)) if len(known) else math.nan,
        failed=float(failed[mask & present].mean()),
    )
