"""Squared error of heatmaps, as a mean or as a sum, masked by status."""

from __future__ import annotations

from typing import ClassVar

import torch

from .heatmap_loss import HeatmapLoss, mean_over_maps, register_loss, without_uncounted


def masked_mse(prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
    """Mean of ``(prediction - target)^2`` over the pixels of all maps whose status is not undefined.

    Args:
        prediction: (B, K, H, W).
        target: (B, K, H, W); all zero where the landmark is missing.
        status: (B, K) codes of Status.
    """
    counts = status >= 0
    return mean_over_maps((without_uncounted(prediction, counts) - target).square(), counts)


def summed_mse(prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
    """Sum of ``(prediction - target)^2`` over the pixels of all maps that count, divided by the number of images.

    Equation 1 of Fu et al., MLMI 2020. Where M of the B * K maps of H x W pixels count, it is ``M * H * W / B`` times
    :func:`masked_mse`, that is ``K * H * W`` times where all do.

    Args:
        prediction: (B, K, H, W).
        target: (B, K, H, W); all zero where the landmark is missing.
        status: (B, K) codes of Status; undefined landmarks do not count.
    """
    counts = status >= 0
    squares = (without_uncounted(prediction, counts) - target).square().sum((2, 3))
    return torch.where(counts, squares, 0.0).sum() / len(prediction)


class SummedMSELoss(HeatmapLoss):
    """Summed squared error against Gaussians of amplitude 1; a missing landmark's target is all zero."""

    presence_weight: ClassVar[float] = 5.0

    def compare(self, prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        return summed_mse(prediction, target, status)


@register_loss("mse")
class MaskedMSELoss(HeatmapLoss):
    """Mean squared error against Gaussians of amplitude 1; a missing landmark's target is all zero."""

    presence_weight: ClassVar[float] = 1e-4

    def compare(self, prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        return masked_mse(prediction, target, status)

    def summed(self) -> HeatmapLoss:
        return SummedMSELoss(self.sigma.tolist())
