"""Training loss of a heatmap network: heatmaps of all stages and presence together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks import NetworkOutput

from .heatmap_loss import HeatmapLoss, status_in_view, without_uncounted


class GradientRatio(NamedTuple):
    """Pull of the parts of a loss at the encoder: norms of weighted gradients, scalars on the device.

    Attributes:
        regression: ``|grad L_R|``.
        classifier: ``lambda_cd * |grad L_CD|``.
        encoder: ``lambda_ed * |grad L_ED|``.
        ratio: ``|grad (lambda_cd L_CD + lambda_ed L_ED)| / |grad L_R|``.
    """

    regression: torch.Tensor
    classifier: torch.Tensor
    encoder: torch.Tensor
    ratio: torch.Tensor


class TrainingLoss(nn.Module):
    """The whole loss of a network's output.

    Attributes:
        gradients: measured on the last call that :meth:`measure_next` applied to; None if nothing was measured.
    """

    gradients: GradientRatio | None = None

    def measure_next(self, parameters: Sequence[torch.Tensor], scale: float = 1.0) -> None:
        """Asks the next call for :attr:`gradients`; a loss without regularisers has nothing to compare."""


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


class LandmarkLoss(TrainingLoss):
    """Weighted heatmap losses of all stages plus the weighted presence loss.

    Args:
        heatmap: the loss of the heatmaps, in the cells of their stage.
        presence_weight: weight of the presence loss; None leaves presence out.
        weights: of the stages by name; 1 where none is given.
    """

    def __init__(
        self,
        heatmap: HeatmapLoss,
        presence_weight: float | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.heatmap = heatmap
        self.presence = None if presence_weight is None else PresenceLoss()
        self.presence_weight = presence_weight
        self.weights = dict(weights or {})

    def forward(self, output: NetworkOutput, points: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        """The loss, a float32 scalar.

        Args:
            output: what the network returned.
            points: (B, K, 2) points (x, y) in pixels of the network input; ignored where not defined.
            status: (B, K) codes of Status. A defined point off a stage's heatmap counts there as not annotated.

        Raises:
            InputError: presence is to be trained but the network predicts none.
        """
        points = points.float()
        terms = [
            self.weights.get(stage.name, 1.0) * self.heatmap(stage.heatmaps, stage.frame.from_image(points), status)
            for stage in output.stages
        ]
        loss = torch.stack(terms).sum()
        if self.presence is None or self.presence_weight is None:
            return loss
        if output.presence is None:
            raise InputError(
                "The loss includes presence but the network has no presence output: build both from the same "
                "configuration."
            )
        first = output.stages[0]  # all of the image, where later stages may be parts of it
        seen = status_in_view(first.frame.from_image(points), status, first.heatmaps.shape[2:])
        return loss + self.presence_weight * self.presence(output.presence, seen)
