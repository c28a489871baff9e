"""Counts of landmarks that were called present or missing, apart from their distances."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from monai_ext.landmarks import InputError, Status


class PresenceCounts(NamedTuple):
    """Counts over all landmarks, (), or per landmark, (K,). Landmarks whose truth is undefined are in none."""

    found: Tensor  #: true defined, predicted defined: these have a distance
    misses: Tensor  #: true defined, predicted missing
    false_alarms: Tensor  #: true missing, predicted defined
    correct_absences: Tensor  #: true missing, predicted missing
    unanswered: Tensor  #: true defined or missing, prediction undefined


def presence_counts(status_pred: Tensor, status_true: Tensor, *, per_landmark: bool = False) -> PresenceCounts:
    """Counts the pairs of predicted and true status.

    Args:
        status_pred: (N, K) status codes.
        status_true: (N, K) status codes.
        per_landmark: one count per landmark, (K,), instead of one over all, ().

    Raises:
        InputError: the shapes differ or are not (N, K).
    """
    if status_pred.ndim != 2 or status_pred.shape != status_true.shape:
        shapes = f"{tuple(status_pred.shape)} and {tuple(status_true.shape)}"
        raise InputError(f"Predicted and true status must have the same shape (N, K), not {shapes}.")
    defined, missing = int(Status.DEFINED), int(Status.MISSING)
    status_true = status_true.to(status_pred.device)
    pairs = (
        (status_true == defined) & (status_pred == defined),
        (status_true == defined) & (status_pred == missing),
        (status_true == missing) & (status_pred == defined),
        (status_true == missing) & (status_pred == missing),
        (status_true >= missing) & (status_pred < missing),
    )
    return PresenceCounts(*(pair.sum(0) if per_landmark else pair.sum() for pair in pairs))
