"""Networks from images to heatmaps."""

from .heatmap_net import HeatmapNet, backbone_names
from .output import HeatmapOutput

__all__ = ["HeatmapNet", "HeatmapOutput", "backbone_names"]
