"""Networks from images to heatmaps, their encoders and backbones, and models on disk."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from monai_ext.landmarks.network_config import NetworkConfig, ZianConfig

    from .backbones import BACKBONES, Backbone, backbone_names, build_backbone
    from .build import build_network
    from .deconv_net import DeconvNet
    from .device import device_names, find_device, machine, versions
    from .encoders import build_encoder, encoder_names, is_encoder
    from .halves import Halves, HalvesOutput
    from .heatmap_net import HeatmapNet
    from .hourglass import Hourglass
    from .network import LandmarkNetwork, register_network
    from .output import Frame, HeatmapOutput, MirroredFrame, NetworkOutput, RoiFrame, Stage, is_finite
    from .pretrained import Weights, find_weights, load_backbone_weights, load_encoder_weights, pretrained_weights
    from .zian import ZIAN

__all__ = [
    "BACKBONES",
    "ZIAN",
    "Backbone",
    "DeconvNet",
    "Frame",
    "Halves",
    "HalvesOutput",
    "HeatmapNet",
    "HeatmapOutput",
    "Hourglass",
    "LandmarkNetwork",
    "MirroredFrame",
    "NetworkConfig",
    "NetworkOutput",
    "RoiFrame",
    "Stage",
    "Weights",
    "ZianConfig",
    "backbone_names",
    "build_backbone",
    "build_encoder",
    "build_network",
    "device_names",
    "encoder_names",
    "find_device",
    "find_weights",
    "is_encoder",
    "is_finite",
    "load_backbone_weights",
    "load_encoder_weights",
    "machine",
    "pretrained_weights",
    "register_network",
    "versions",
]

lazy_face(__name__)
