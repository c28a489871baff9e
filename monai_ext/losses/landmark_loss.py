"""The whole training loss of a heatmap network: heatmaps and presence together, chosen by name."""

from __future__ import annotations

import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks.output import HeatmapOutput
from monai_ext.transforms.heatmap import Sigma

from .adaptive_wing import AdaptiveWingLoss
from .heatmap_loss import HeatmapLoss, status_in_view
from .masked_mse import MaskedMSELoss
from .presence import PresenceLoss
from .spatial_cross_entropy import SpatialCrossEntropyLoss

#: The heatmap losses by the name that protocols use.
HEATMAP_LOSSES: dict[str, type[HeatmapLoss]] = {
    "spatial_cross_entropy": SpatialCrossEntropyLoss,
    "mse": MaskedMSELoss,
    "adaptive_wing": AdaptiveWingLoss,
}


class LandmarkLoss(nn.Module):
    """Heatmap loss plus weighted presence loss.

    Args:
        heatmap: the loss of the heatmaps.
        presence_weight: weight of the presence loss; None leaves presence out.
    """

    def __init__(self, heatmap: HeatmapLoss, presence_weight: float | None = None) -> None:
        super().__init__()
        self.heatmap = heatmap
        self.presence = None if presence_weight is None else PresenceLoss()
        self.presence_weight = presence_weight

    def forward(self, output: HeatmapOutput, points: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            output: what the network returned.
            points: (B, K, 2) points (x, y) in heatmap pixels; ignored where not defined.
            status: (B, K) codes of Status. A defined point off the image counts as not annotated.

        Raises:
            InputError: presence is to be trained but the network tells none.
        """
        loss = self.heatmap(output.heatmaps, points, status)
        if self.presence is None or self.presence_weight is None:
            return loss
        if output.presence is None:
            raise InputError("The loss includes presence but the network has no presence output: build both alike.")
        seen = status_in_view(points, status, output.heatmaps.shape[2:])
        return loss + self.presence_weight * self.presence(output.presence, seen)


def build_heatmap_loss(name: str, sigma: Sigma) -> HeatmapLoss:
    """The heatmap loss of a name.

    Args:
        name: spatial_cross_entropy, mse or adaptive_wing.
        sigma: of the target, heatmap pixels; see :data:`monai_ext.transforms.heatmap.Sigma`.

    Raises:
        InputError: an unknown name or a sigma that is not positive.
    """
    if name not in HEATMAP_LOSSES:
        raise InputError(f"Unknown heatmap loss {name!r}: use one of {', '.join(HEATMAP_LOSSES)}.")
    return HEATMAP_LOSSES[name](sigma)


def build_loss(name: str, sigma: Sigma, presence: bool) -> LandmarkLoss:
    """The training loss of a name, with presence weighed to the scale of that loss, or without it.

    Raises:
        InputError: see :func:`build_heatmap_loss`.
    """
    heatmap = build_heatmap_loss(name, sigma)
    return LandmarkLoss(heatmap, heatmap.presence_weight if presence else None)
