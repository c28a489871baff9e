"""Networks from images to heatmaps, their backbones, and models on disk."""

from .backbones import BACKBONES, build_backbone
from .heatmap_net import HeatmapNet, backbone_names
from .inference import optimize_for_inference
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
    "optimize_for_inference",
]
