"""Cross-entropy between a softmax over the pixels and a Gaussian, masked by status."""

from __future__ import annotations

from typing import ClassVar

import torch

from monai_ext.landmarks import Meaning
from monai_ext.transforms import gaussian_profiles

from .heatmap_loss import HeatmapLoss, register_loss, without_uncounted


def spatial_cross_entropy(prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
    """Mean of ``-sum(target * log_softmax(prediction))`` over the maps with a defined landmark.

    A softmax always puts its mass somewhere, so a missing landmark teaches the heatmap nothing: presence
    needs an output of its own.

    Args:
        prediction: (B, K, H, W) logits.
        target: (B, K, H, W), each drawn map summing to 1.
        status: (B, K) codes of Status.
    """
    counts = status > 0
    log_probability = without_uncounted(prediction, counts).flatten(2).log_softmax(-1)
    return _mean(-(target.flatten(2) * log_probability).sum(-1), counts)


@register_loss("spatial_cross_entropy")
class SpatialCrossEntropyLoss(HeatmapLoss):
    """Cross-entropy against a Gaussian that is normalised to sum to 1 over the map's own pixels, borders included."""

    presence_weight: ClassVar[float] = 1.0
    meaning: ClassVar[Meaning] = "logits"

    def compute(self, outputs: torch.Tensor, points: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        # The target is separable and sums to 1: logsumexp(o) - gy.o.gx, without a map of target or log-probability.
        counts = status > 0
        logits = without_uncounted(outputs, counts)
        centres = torch.where(counts[..., None], points, 0.0)
        along_y, along_x = gaussian_profiles(centres, logits.shape[2:], self.sigma, normalize=True)
        expected = (along_y[..., None, :] @ logits @ along_x[..., :, None])[..., 0, 0]
        return _mean(logits.flatten(2).logsumexp(-1) - expected, counts)

    def compare(self, prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        return spatial_cross_entropy(prediction, target, status)


def _mean(per_map: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    return torch.where(counts, per_map, 0.0).sum() / counts.sum().clamp(min=1)
