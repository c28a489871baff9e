"""Networks from images to heatmaps, their encoders and backbones, and models on disk."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from monai_ext.landmarks import IMAGENET, NetworkConfig, ZianConfig

    from .backbones import BACKBONES, Backbone, backbone_names, build_backbone
    from .cross_task.distiller import DistilledOutput, Distiller
    from .cross_task.named_sources import NAMED_SOURCES, named_source, shipped_source
    from .cross_task.source import FaceClassifier, SourceClassifier, build_classifier
    from .cross_task.source_file import SUFFIX, SourceCard, read_source, write_source
    from .deconv_net import DeconvNet
    from .device import device_names, find_device, machine, versions
    from .encoders import build_encoder, encoder_names, is_encoder
    from .face_resnet import FACE_RESNET, SHA256, DlibNetwork, read_dlib_network
    from .features import FeatureTap, encoder_features
    from .heatmap_net import HeatmapNet
    from .hourglass import Hourglass
    from .imagenet import imagenet_weights
    from .network import Halves, LandmarkNetwork, build_network, register_network
    from .onnx_network import OnnxNetwork, network_graph, onnx_graph, require_onnx
    from .output import Frame, HeatmapOutput, MirroredFrame, NetworkOutput, RoiFrame, Stage, StagedOutput, is_finite
    from .pretrained import (
        SUFFIXES,
        Weights,
        find_weights,
        load_backbone_weights,
        load_encoder_weights,
        pretrained_weights,
    )
    from .zian import ZIAN

__all__ = [
    "BACKBONES",
    "FACE_RESNET",
    "IMAGENET",
    "NAMED_SOURCES",
    "SHA256",
    "SUFFIX",
    "SUFFIXES",
    "ZIAN",
    "Backbone",
    "DeconvNet",
    "DistilledOutput",
    "Distiller",
    "DlibNetwork",
    "FaceClassifier",
    "FeatureTap",
    "Frame",
    "Halves",
    "HeatmapNet",
    "HeatmapOutput",
    "Hourglass",
    "LandmarkNetwork",
    "MirroredFrame",
    "NetworkConfig",
    "NetworkOutput",
    "OnnxNetwork",
    "RoiFrame",
    "SourceCard",
    "SourceClassifier",
    "Stage",
    "StagedOutput",
    "Weights",
    "ZianConfig",
    "backbone_names",
    "build_backbone",
    "build_classifier",
    "build_encoder",
    "build_network",
    "device_names",
    "encoder_features",
    "encoder_names",
    "find_device",
    "find_weights",
    "imagenet_weights",
    "is_encoder",
    "is_finite",
    "load_backbone_weights",
    "load_encoder_weights",
    "machine",
    "named_source",
    "network_graph",
    "onnx_graph",
    "pretrained_weights",
    "read_dlib_network",
    "read_source",
    "register_network",
    "require_onnx",
    "shipped_source",
    "versions",
    "write_source",
]

lazy_face(__name__)
