"""The distance between predicted and true landmarks, as a length or a share of a length, and statistics of distances.

Symbols: N images, K landmarks, T thresholds. A distance is in pixels where no spacing is given and in millimetres
where one is; a distance that cannot be measured is NaN and takes no part in any statistic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from monai_ext.landmarks import InputError, Status

#: Relative allowance on a threshold, so that 20 px of 0.1 mm counts as within 2 mm in spite of rounding.
THRESHOLD_ALLOWANCE = 1e-9


def _float(values: Tensor) -> Tensor:
    """Double precision, or single where the device (Apple's MPS) has no other."""
    return values.to(torch.float32 if values.device.type == "mps" else torch.float64)


def _spacing(spacing: Sequence[float] | Tensor, like: Tensor) -> Tensor:
    """(1 or N, 1, 2) millimetres per pixel."""
    values = torch.as_tensor(spacing, dtype=like.dtype, device=like.device)
    if values.shape not in {(2,), (like.shape[0], 2)}:
        raise InputError(
            f"A spacing must have the shape (2,) or ({like.shape[0]}, 2), in millimetres along (x, y), "
            f"not {tuple(values.shape)}."
        )
    if not bool((torch.isfinite(values) & (values > 0)).all()):
        raise InputError(f"A spacing must be positive numbers in millimetres, not {values.tolist()}.")
    return values.reshape(-1, 1, 2)


def radial_errors(
    pred: Tensor,
    true: Tensor,
    status_true: Tensor | None = None,
    status_pred: Tensor | None = None,
    spacing: Sequence[float] | Tensor | None = None,
) -> Tensor:
    """Euclidean distances between predicted and true points.

    Args:
        pred: (N, K, 2) predicted points (x, y) in pixels.
        true: (N, K, 2) true points in the same pixels.
        status_true: (N, K) status codes; None if every landmark is defined.
        status_pred: (N, K) status codes of the prediction; None if every landmark is predicted.
        spacing: (2,) or (N, 2) millimetres per pixel along (x, y); None gives distances in pixels.

    Returns:
        (N, K) distances; NaN where the truth or the prediction is not defined.

    Raises:
        InputError: shapes differ, a spacing is not positive, or a point that counts as defined is not finite.
    """
    if pred.ndim != 3 or pred.shape[-1] != 2 or pred.shape != true.shape:
        raise InputError(f"Points must have the shape (N, K, 2), not {tuple(pred.shape)} and {tuple(true.shape)}.")
    measurable = torch.ones(pred.shape[:2], dtype=torch.bool, device=pred.device)
    for status in (status_true, status_pred):
        if status is None:
            continue
        if status.shape != pred.shape[:2]:
            raise InputError(f"A status must have the shape {tuple(pred.shape[:2])}, not {tuple(status.shape)}.")
        measurable &= status.to(pred.device) == int(Status.DEFINED)
    finite = torch.isfinite(pred).all(-1) & torch.isfinite(true).all(-1)
    if bool((measurable & ~finite).any()):
        n, k = (measurable & ~finite).nonzero()[0].tolist()
        raise InputError(
            f"The landmark {k} of image {n} counts as defined but its points are {pred[n, k].tolist()} (predicted) "
            f"and {true[n, k].tolist()} (true); mark it missing or undefined."
        )
    delta = _float(pred) - _float(true.to(pred.device))
    if spacing is not None:
        delta = delta * _spacing(spacing, delta)
    return torch.where(measurable, torch.linalg.vector_norm(delta, dim=-1), torch.nan)


def within(errors: Tensor, thresholds: Sequence[float]) -> Tensor:
    """(T, ...) whether each error is at most each threshold; False for NaN.

    Raises:
        InputError: a threshold is not a positive number.
    """
    limits = torch.as_tensor(list(thresholds), dtype=errors.dtype, device=errors.device)
    if not bool((torch.isfinite(limits) & (limits > 0)).all()):
        raise InputError(f"A threshold must be a positive distance, not {limits.tolist()}.")
    return errors <= (limits * (1 + THRESHOLD_ALLOWANCE)).reshape(-1, *[1] * errors.ndim)


class ErrorStatistics(NamedTuple):
    """Statistics of a set of errors, in their unit; NaN where there is nothing to measure.

    Each is a scalar over all errors, or has one value per landmark.
    """

    count: Tensor  #: how many errors were measured
    mean: Tensor  #: mean radial error (MRE)
    sd: Tensor  #: sample standard deviation, dividing by n - 1; NaN for fewer than two errors
    median: Tensor  #: mean of the middle two where the count is even
    sdr: Tensor  #: (T, ...) success detection rate: the share, 0 to 1, of errors at or below each threshold


def error_statistics(
    errors: Tensor, thresholds: Sequence[float] = (), *, per_landmark: bool = False
) -> ErrorStatistics:
    """MRE, SD, median and SDR, as the ISBI cephalometric challenges define them (Wang et al. 2016).

    Args:
        errors: (N, K) distances, NaN where not measurable.
        thresholds: T positive distances in the unit of the errors; a distance equal to one counts as a success.
        per_landmark: one value per landmark, (K,), instead of one over all errors, ().

    Raises:
        InputError: a threshold is not a positive number.
    """
    rows = _float(errors) if per_landmark else _float(errors).reshape(-1, 1)
    count = (~rows.isnan()).sum(0)
    mean = rows.nanmean(0)
    variance = (rows - mean).square().nansum(0) / (count - 1)
    sd = torch.where(count > 1, variance.sqrt(), torch.nan)
    median = rows.nanquantile(0.5, dim=0) if rows.shape[0] else mean
    sdr = torch.where(count > 0, within(rows, thresholds).sum(1).to(rows) / count, torch.nan)
    values = ErrorStatistics(count, mean, sd, median, sdr)
    return values if per_landmark else ErrorStatistics(*(value[..., 0] for value in values))


def pair_distances(
    points: Tensor,
    pair: tuple[int, int],
    status: Tensor | None = None,
    spacing: Sequence[float] | Tensor | None = None,
) -> Tensor:
    """The distance between two landmarks of each image.

    Args:
        points: (N, K, 2) points (x, y) in pixels.
        pair: indices of the two landmarks.
        status: (N, K) status codes; None if every landmark is defined.
        spacing: (2,) or (N, 2) millimetres per pixel along (x, y); None gives distances in pixels.

    Returns:
        (N,) distances; NaN where one of the two is not defined or both are at one place.

    Raises:
        InputError: the two are one landmark or not among K; otherwise as :func:`radial_errors`.
    """
    count = points.shape[1]
    if pair[0] == pair[1] or not all(0 <= index < count for index in pair):
        raise InputError(f"A pair must be two different landmarks out of {count}, not {pair}.")
    first, second = (points[:, index : index + 1] for index in pair)
    known = (None, None) if status is None else tuple(status[:, index : index + 1] for index in pair)
    distances = radial_errors(first, second, known[0], known[1], spacing)[:, 0]
    return torch.where(distances > 0, distances, torch.nan)


def normalized_errors(errors: Tensor, lengths: Tensor) -> Tensor:
    """(N, K) errors as shares of (N,) lengths in the same unit; NaN where the error or the length is.

    Raises:
        InputError: the shapes do not go together.
    """
    if errors.ndim != 2 or lengths.shape != errors.shape[:1]:
        raise InputError(
            f"Errors (N, K) need lengths (N,) to be divided by, not {tuple(errors.shape)} by {tuple(lengths.shape)}."
        )
    return errors / lengths[:, None]
