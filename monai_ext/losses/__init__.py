"""Losses of landmark networks, all masked by status."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .adaptive_wing import AdaptiveWingLoss, adaptive_wing
    from .heatmap_loss import HeatmapLoss
    from .landmark_loss import HEATMAP_LOSSES, LandmarkLoss, build_heatmap_loss, build_loss, build_training_loss
    from .masked_mse import MaskedMSELoss, masked_mse
    from .presence import PresenceLoss, presence_loss
    from .spatial_cross_entropy import SpatialCrossEntropyLoss, spatial_cross_entropy

__all__ = [
    "HEATMAP_LOSSES",
    "AdaptiveWingLoss",
    "HeatmapLoss",
    "LandmarkLoss",
    "MaskedMSELoss",
    "PresenceLoss",
    "SpatialCrossEntropyLoss",
    "adaptive_wing",
    "build_heatmap_loss",
    "build_loss",
    "build_training_loss",
    "masked_mse",
    "presence_loss",
    "spatial_cross_entropy",
]

lazy_face(__name__)
