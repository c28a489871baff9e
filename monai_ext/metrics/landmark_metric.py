"""The landmark metrics as one cumulative MONAI metric, and the counts of landmarks called present or missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from monai.metrics import CumulativeIterationMetric
from torch import Tensor

from monai_ext.landmarks import InputError, Status, Unit

from .image_error import cumulative_error_area, failure_rate, image_errors
from .radial_error import ErrorStatistics, error_statistics, radial_errors


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


Quantity = Literal["mre", "sd", "median", "sdr", "me", "failure_rate", "auc"]


def _batched(values: Any) -> Any:
    """One tensor of a list of per-image tensors; anything else as it is."""
    if isinstance(values, list | tuple) and values and isinstance(values[0], Tensor):
        return torch.stack(list(values))
    return values


class LandmarkMetric(CumulativeIterationMetric):
    """Collects radial errors and presence over batches and computes one quantity of all of them.

    Args:
        quantity: what :meth:`aggregate` returns: ``mre`` (mean radial error over all landmarks), ``sd`` and
            ``median`` of the same errors, ``sdr`` (success detection rate), ``me`` (mean over images of the image's
            mean error), ``failure_rate`` and ``auc`` (of the cumulative error distribution over images).
        threshold: a distance in ``unit``: the limit of ``sdr``, ``failure_rate`` and ``auc``.
        unit: ``"px"``, or ``"mm"``, with which every call needs a spacing.

    Raises:
        InputError: an unknown quantity or unit, a quantity without its threshold, a threshold that is not positive.

    Example:
        >>> metric = LandmarkMetric("sdr", threshold=5.0)
        >>> _ = metric(torch.tensor([[[3.0, 4.0], [9.0, 0.0]]]), torch.zeros(1, 2, 2))
        >>> float(metric.aggregate()), metric.unit
        (0.5, 'px')
    """

    def __init__(self, quantity: Quantity = "mre", threshold: float | None = None, unit: Unit = "px") -> None:
        super().__init__()
        if quantity not in {"mre", "sd", "median", "sdr", "me", "failure_rate", "auc"}:
            raise InputError(
                f"A landmark metric must be mre, sd, median, sdr, me, failure_rate or auc, not {quantity!r}."
            )
        if unit not in {"px", "mm"}:
            raise InputError(f"The unit of a landmark metric must be 'px' or 'mm', not {unit!r}.")
        if quantity in {"sdr", "failure_rate", "auc"} and not (threshold is not None and 0 < threshold < float("inf")):
            raise InputError(f"The metric {quantity} needs a positive threshold in {unit}, not {threshold}.")
        self.quantity = quantity
        self.threshold = threshold
        self.unit = unit

    @property
    def higher_is_better(self) -> bool:
        """True if larger values of the quantity are better."""
        return self.quantity in {"sdr", "auc"}

    def _compute_list(self, y_pred: Any, y: Any = None, **kwargs: Any) -> list[Tensor]:
        batched = {key: _batched(value) for key, value in kwargs.items()}
        return self._compute_tensor(_batched(y_pred).detach(), _batched(y).detach(), **batched)

    def _compute_tensor(
        self,
        y_pred: Tensor,
        y: Tensor | None = None,
        status: Tensor | None = None,
        status_pred: Tensor | None = None,
        spacing: Sequence[float] | Tensor | None = None,
    ) -> list[Tensor]:
        """The (N, K) errors and the true and predicted status of one batch.

        Args:
            y_pred: (N, K, 2) predicted points in pixels, or a list of N tensors (K, 2).
            y: the true points, likewise.
            status: (N, K) true status codes; None if all are defined.
            status_pred: (N, K) predicted status codes; None if all are defined.
            spacing: (2,) or (N, 2) millimetres per pixel along (x, y); given exactly where the unit is ``"mm"``.

        Raises:
            InputError: shapes differ, or the spacing does not go with the unit.
        """
        if y is None:
            raise InputError("A landmark metric needs the true points as its second argument.")
        if (spacing is None) != (self.unit == "px"):
            given = "no spacing" if spacing is None else "a spacing"
            raise InputError(f"The metric is in {self.unit} but was given {given}; set unit and spacing together.")
        everything = torch.full(y_pred.shape[:2], int(Status.DEFINED), dtype=torch.int8, device=y_pred.device)
        true, pred = (everything if s is None else s.to(everything) for s in (status, status_pred))
        return [radial_errors(y_pred, y, true, pred, spacing), true, pred]

    def _gathered(self) -> tuple[Tensor, Tensor, Tensor]:
        buffers = self.get_buffer()
        if not isinstance(buffers, list) or len(buffers) != 3:
            raise InputError("The landmark metric has not received an image yet; call it with a batch first.")
        return buffers[0], buffers[1], buffers[2]

    def statistics(self, thresholds: Sequence[float] = (), *, per_landmark: bool = False) -> ErrorStatistics:
        """Count, MRE, SD, median and SDR of everything collected, in ``unit``, over all errors or per landmark."""
        return error_statistics(self._gathered()[0], thresholds, per_landmark=per_landmark)

    def presence(self, *, per_landmark: bool = False) -> PresenceCounts:
        """Misses, false alarms and the other presence counts of everything collected."""
        _, true, pred = self._gathered()
        return presence_counts(pred, true, per_landmark=per_landmark)

    def aggregate(self) -> Tensor:
        """The quantity over everything collected, a scalar tensor; NaN where nothing was measurable."""
        errors = self._gathered()[0]
        if self.threshold is not None and self.quantity == "sdr":
            return error_statistics(errors, [self.threshold]).sdr[0]
        if self.threshold is not None and self.quantity == "failure_rate":
            return failure_rate(image_errors(errors), self.threshold)
        if self.threshold is not None and self.quantity == "auc":
            return cumulative_error_area(image_errors(errors), self.threshold)
        if self.quantity == "me":
            return image_errors(errors).nanmean()
        statistics = error_statistics(errors)
        return {"mre": statistics.mean, "sd": statistics.sd, "median": statistics.median}[self.quantity]
