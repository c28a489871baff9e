"""Whether each landmark is in the image: binary cross-entropy, masked by status."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .heatmap_loss import without_uncounted


def presence_loss(logits: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy of (B, K) presence logits; the target is 1 where defined and 0 where missing.

    Undefined landmarks do not count; 0 with a gradient of 0 where all are undefined. Computed in float32.
    """
    with torch.autocast(logits.device.type, enabled=False):
        counts = status >= 0
        visible = without_uncounted(logits.float(), counts)
        entropy = F.binary_cross_entropy_with_logits(visible, (status > 0).float(), reduction="none")
        return torch.where(counts, entropy, 0.0).sum() / counts.sum().clamp(min=1)


class PresenceLoss(nn.Module):
    """Module form of :func:`presence_loss`."""

    def forward(self, logits: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar, of (B, K) logits and (B, K) codes of Status."""
        return presence_loss(logits, status)
