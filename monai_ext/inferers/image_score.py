"""The score of an image made from the uncertainties of its landmarks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

from monai_ext.landmarks import InputError

if TYPE_CHECKING:
    import torch

Reduction = Literal["mean", "max"]


def image_score(values: torch.Tensor, status: torch.Tensor, reduction: Reduction = "mean") -> torch.Tensor:
    """(B,) one score per image from (B, K) values: the mean or the largest over the landmarks that are present.

    An image in which none is present is scored by all its landmarks, so that it too has a place in a ranking.

    Args:
        values: (B, K).
        status: (B, K) codes of Status; those above 0 are present.
        reduction: mean or max.

    Raises:
        InputError: an unknown reduction or shapes that differ.
    """
    if reduction not in get_args(Reduction):
        raise InputError(f"The reduction of an image score must be mean or max, not {reduction!r}.")
    if values.shape != status.shape:
        raise InputError(f"Values {tuple(values.shape)} and status {tuple(status.shape)} must have one shape (B, K).")
    counted = (status > 0) | ~(status > 0).any(1, keepdim=True)
    if reduction == "max":
        return values.masked_fill(~counted, -math.inf).amax(1)
    return values.masked_fill(~counted, 0.0).sum(1) / counted.sum(1)
