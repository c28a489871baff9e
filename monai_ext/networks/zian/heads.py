"""From features to heatmaps."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class HeatmapHead(nn.Module):
    """A 1 x 1 convolution to K heatmaps, in float32 also under autocast, so that near peaks stay apart.

    Args:
        channels: C.
        num_landmarks: K.
        bias: whether each heatmap has an offset.
    """

    def __init__(self, channels: int, num_landmarks: int, bias: bool = True) -> None:
        super().__init__()
        self.num_landmarks = num_landmarks
        self.conv = nn.Conv2d(channels, num_landmarks, 1, bias=bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, K, H, W) heatmaps of (B, C, H, W) features that all landmarks share."""
        return self._convolve(features, groups=1)

    def own(self, features: torch.Tensor) -> torch.Tensor:
        """(B, K, H, W) heatmaps of (B * K, C, H, W) features: from those of landmark k the heatmap of k alone."""
        size_hw = features.shape[2:]
        return self._convolve(
            features.reshape(-1, self.conv.in_channels * self.num_landmarks, *size_hw), self.num_landmarks
        )

    def _convolve(self, features: torch.Tensor, groups: int) -> torch.Tensor:
        bias = None if self.conv.bias is None else self.conv.bias.float()
        with torch.autocast(features.device.type, enabled=False):
            return F.conv2d(features.float(), self.conv.weight.float(), bias, groups=groups)


class FineHead(nn.Module):
    """Two 3 x 3 convolutions and the heatmaps: C -> C -> ``hidden`` -> K.

    Args:
        channels: C.
        hidden: channels before the last layer.
        num_landmarks: K.
    """

    def __init__(self, channels: int, hidden: int, num_landmarks: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (channels, hidden):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.heatmaps = HeatmapHead(hidden, num_landmarks)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, K, H, W) heatmaps of (B * K, C, H, W) features, each of its own landmark."""
        return self.heatmaps.own(self.layers(features))
