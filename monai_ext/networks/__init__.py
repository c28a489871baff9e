"""Networks from images to heatmaps, their backbones, and models on disk."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .backbones import BACKBONES, backbone_names, build_backbone
    from .encoders import build_encoder, encoder_names
    from .heatmap_net import HeatmapNet
    from .output import HeatmapOutput
    from .zian import ZIAN, ZianConfig

__all__ = [
    "BACKBONES",
    "ZIAN",
    "HeatmapNet",
    "HeatmapOutput",
    "ZianConfig",
    "backbone_names",
    "build_backbone",
    "build_encoder",
    "encoder_names",
]

lazy_face(__name__)
