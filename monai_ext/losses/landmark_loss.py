"""The whole training loss of a heatmap network: heatmaps of all stages and presence together."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.network_config import ZianNetConfig
from monai_ext.networks.output import NetworkOutput
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
            InputError: presence is to be trained but the network tells none.
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
            raise InputError("The loss includes presence but the network has no presence output: build both alike.")
        first = output.stages[0]  # all of the image, where later stages may be parts of it
        seen = status_in_view(first.frame.from_image(points), status, first.heatmaps.shape[2:])
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


def build_training_loss(protocol: Protocol) -> LandmarkLoss:
    """The loss that a protocol's network is trained with.

    Raises:
        InputError: see :func:`build_heatmap_loss`.
    """
    config = protocol.network
    loss = build_loss(protocol.recipe.loss, config.sigma, config.presence)
    if isinstance(config, ZianNetConfig):
        loss.weights = {"coarse": config.coarse_weight, "roi": config.roi_weight, "fine": config.fine_weight}
    return loss
