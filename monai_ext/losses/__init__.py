"""Losses of landmark networks, all masked by status."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .adaptive_wing import AdaptiveWingLoss, adaptive_wing
    from .build import build_cross_task_loss, build_loss, build_training_loss
    from .cross_task_loss import (
        CrossTaskLoss,
        classifier_distance,
        encoder_distance,
        mode_weights,
    )
    from .heatmap_loss import HeatmapLoss, build_heatmap_loss, mean_over_maps, register_loss, without_uncounted
    from .landmark_loss import GradientRatio, LandmarkLoss, PresenceLoss, TrainingLoss, presence_loss
    from .mse import MaskedMSELoss, SummedMSELoss, masked_mse, summed_mse
    from .spatial_cross_entropy import SpatialCrossEntropyLoss, spatial_cross_entropy

__all__ = [
    "AdaptiveWingLoss",
    "CrossTaskLoss",
    "GradientRatio",
    "HeatmapLoss",
    "LandmarkLoss",
    "MaskedMSELoss",
    "PresenceLoss",
    "SpatialCrossEntropyLoss",
    "SummedMSELoss",
    "TrainingLoss",
    "adaptive_wing",
    "build_cross_task_loss",
    "build_heatmap_loss",
    "build_loss",
    "build_training_loss",
    "classifier_distance",
    "encoder_distance",
    "masked_mse",
    "mean_over_maps",
    "mode_weights",
    "presence_loss",
    "register_loss",
    "spatial_cross_entropy",
    "summed_mse",
    "without_uncounted",
]

lazy_face(__name__)
