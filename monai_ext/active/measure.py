"""The interface of all measures of uncertainty, and the score of an image made from its landmarks."""

from __future__ import annotations

from typing import Literal, Protocol, get_args

import torch

from monai_ext.landmarks import InputError

from .predictions import Predictions, Source

#: "1" has no unit; px are pixels of the original image.
MeasureUnit = Literal["1", "px", "mm"]
Reduction = Literal["mean", "max"]


class UncertaintyMeasure(Protocol):
    """How unsure a model is of each landmark of each image; the larger, the less sure."""

    @property
    def name(self) -> str:
        """What tables and options call it."""

    @property
    def unit(self) -> MeasureUnit:
        """Of its values."""

    @property
    def source(self) -> Source | None:
        """The further passes that it needs, None where the plain one does."""

    def compute(self, predictions: Predictions) -> torch.Tensor:
        """(B, K) finite values, none below 0.

        Raises:
            InputError: the predictions lack what it needs.
        """


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
        raise InputError(f"The score of an image is the mean or the max of its landmarks, not {reduction!r}.")
    if values.shape != status.shape:
        raise InputError(f"Values {tuple(values.shape)} and status {tuple(status.shape)} must have one shape (B, K).")
    counted = (status > 0) | ~(status > 0).any(1, keepdim=True)
    if reduction == "max":
        return torch.where(counted, values, -torch.inf).amax(1)
    return torch.where(counted, values, 0.0).sum(1) / counted.sum(1)
