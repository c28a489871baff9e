"""The network that a protocol asks for, built with random weights."""

from __future__ import annotations

from torch import nn

from monai_ext.landmarks import Protocol

from .heatmap_net import HeatmapNet


def build_network(protocol: Protocol) -> nn.Module:
    """A new network of the protocol's configuration: (B, C, H, W) images to a HeatmapOutput of K heatmaps.

    Raises:
        InputError: an option of the network has no meaning, e.g. an unknown backbone.
    """
    config = protocol.network
    return HeatmapNet(
        in_channels=protocol.num_channels,
        num_landmarks=len(protocol.landmarks),
        backbone=config.backbone,
        decoder_channels=config.decoder_channels,
        presence=config.presence,
    )
