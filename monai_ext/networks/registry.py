"""The network that a protocol asks for, built with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from monai_ext.landmarks import Protocol
from monai_ext.landmarks.network_config import DeconvNetConfig, HeatmapNetConfig, HourglassConfig, ZianNetConfig

from .backbones import build_backbone
from .cross_task.deconv_net import DeconvNet
from .group_norm import with_group_norm
from .halves import Halves
from .heatmap_net import HeatmapNet
from .hourglass import Hourglass
from .zian import ABLATION_ROWS, ZIAN, ZianConfig


def build_network(protocol: Protocol) -> nn.Module:
    """A new network of the protocol's configuration: (B, C, H, W) images to a NetworkOutput of K landmarks.

    Raises:
        InputError: an option of the network has no meaning, e.g. an unknown backbone.
    """
    config = protocol.network
    network = BUILDERS[type(config)](config, protocol.num_channels, protocol.networks_landmarks)
    return Halves(network, *halves_of(protocol)) if config.halves else network


def halves_of(protocol: Protocol) -> tuple[list[int], list[int]]:
    """Indices of the landmarks of the left half of the image, and of their counterparts in the right half."""
    left = [i for i, partner in enumerate(protocol.swap) if i < partner]
    return left, [protocol.swap[i] for i in left]


def zian_config(config: ZianNetConfig) -> ZianConfig:
    """The parts of a protocol's ZIAN.

    Raises:
        InputError: options contradict each other.
    """
    row = ABLATION_ROWS[config.row]
    options = {
        "roi_sizes": config.roi_sizes[: len(row["roi_sizes"])],
        "shared_roi_head": config.shared_roi_head,
        "share_roi_backbone": config.share_roi_backbone,
        "share_backbone": config.share_backbone,
        "fusion_stride": config.fusion_stride,
        "sigma": config.sigma,
        "presence": config.presence,
        "jitter": config.jitter,
        "spatial_prior": config.spatial_prior,
        "second_look": config.second_look,
    }
    if row["co_attention"]:
        options |= {"weight": config.weight, "gate": config.gate}
    return ZianConfig.row(config.row, **options)


def _heatmap_net(config: HeatmapNetConfig, channels: int, landmarks: int) -> nn.Module:
    return HeatmapNet(
        channels,
        landmarks,
        config.backbone,
        config.decoder_channels,
        presence=config.presence,
        dropout=config.dropout,
        stride=config.stride,
    )


def _zian(config: ZianNetConfig, channels: int, landmarks: int) -> nn.Module:
    network = ZIAN(
        lambda: build_backbone(config.backbone, channels, config.decoder_channels), landmarks, zian_config(config)
    )
    return with_group_norm(network) if config.norm == "group" else network


def _deconv_net(config: DeconvNetConfig, channels: int, landmarks: int) -> nn.Module:
    return DeconvNet(channels, landmarks, config.encoder, presence=config.presence)


def _hourglass(config: HourglassConfig, channels: int, landmarks: int) -> nn.Module:
    return Hourglass(channels, landmarks, config.stacks, config.features, presence=config.presence)


BUILDERS: dict[type, Callable[[Any, int, int], nn.Module]] = {
    HeatmapNetConfig: _heatmap_net,
    ZianNetConfig: _zian,
    DeconvNetConfig: _deconv_net,
    HourglassConfig: _hourglass,
}
