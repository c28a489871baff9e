"""Mean squared error of heatmaps, masked by status."""

from __future__ import annotations

from typing import ClassVar

import torch

from .heatmap_loss import HeatmapLoss, mean_over_maps, without_uncounted


def masked_mse(prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
    """Mean of ``(prediction - target)^2`` over the pixels of all maps whose status is not undefined.

    Args:
        prediction: (B, K, H, W).
        target: (B, K, H, W); all zero where the landmark is missing.
        status: (B, K) codes of Status.
    """
    counts = status >= 0
    return mean_over_maps((without_uncounted(prediction, counts) - target).square(), counts)


class MaskedMSELoss(HeatmapLoss):
    """Mean squared error against Gaussians of amplitude 1; a missing landmark's target is all zero."""

    presence_weight: ClassVar[float] = 1e-4

    def compare(self, prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        return masked_mse(prediction, target, status)
