"""Small parts that networks are made of: padding, pooled features, heads of presence and of heatmaps."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError

#: Presence that a head predicts before it has learned: a landmark is there unless the images teach otherwise.
INITIAL_PRESENCE = 0.95


def padded(image: torch.Tensor, multiple: int) -> torch.Tensor:
    """(B, C, H, W) with the last row and column repeated at the bottom and right up to multiples of a number."""
    height, width = image.shape[2:]
    padding = (0, -width % multiple, 0, -height % multiple)
    return F.pad(image, padding, mode="replicate") if any(padding) else image


def prepared(
    image: torch.Tensor, in_channels: int, multiple: int, name: str = "The network", *, training: bool = False
) -> torch.Tensor:
    """A network's image :func:`padded` to a multiple, in channels-last order.

    Args:
        image: (B, in_channels, H, W).
        in_channels: that the network takes.
        multiple: pixels of the image per cell of the network's deepest map.
        name: what messages call it.
        training: whether batch normalisation takes statistics of the batch. One image that leaves one cell has none,
            and is padded to two.

    Raises:
        InputError: the images are not (B, in_channels, H, W).
    """
    check_image(image, in_channels, name)
    image = padded(image, multiple)
    if training and image.shape[0] * image.shape[2] * image.shape[3] == multiple**2:
        image = F.pad(image, (0, multiple, 0, 0), mode="replicate")
    return image.contiguous(memory_format=torch.channels_last)


def check_image(image: torch.Tensor, in_channels: int, name: str = "The network") -> None:
    """Raises InputError where images are not (B, in_channels, H, W)."""
    if image.ndim != 4 or image.shape[1] != in_channels:
        raise InputError(f"{name} takes images (B, {in_channels}, H, W), not {tuple(image.shape)}.")


def pool(features: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) features to their (B, C) means, for maps of any size."""
    return features.mean((2, 3))


def presence_layer(channels: int, num_landmarks: int) -> nn.Linear:
    """A linear layer from pooled features to (B, K) logits, which begins by calling all landmarks present."""
    layer = nn.Linear(channels, num_landmarks)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, math.log(INITIAL_PRESENCE / (1 - INITIAL_PRESENCE)))
    return layer


class PresenceHead(nn.Module):
    """A linear layer on the mean and the maximum of features: is the landmark there?

    It learns from the features but does not shape them: no gradient passes to them.

    Args:
        channels: C.
        num_landmarks: K.
    """

    def __init__(self, channels: int, num_landmarks: int) -> None:
        super().__init__()
        self.linear = presence_layer(2 * channels, num_landmarks)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, K) logits of (B, C, H, W) features that all landmarks share."""
        features = features.detach().float()
        return self.linear(torch.cat([pool(features), features.amax((2, 3))], 1))

    def own(self, features: torch.Tensor) -> torch.Tensor:
        """(B, K) logits of (B * K, C, H, W) features: from those of landmark k the logit of k alone."""
        landmarks = self.linear.out_features
        return self(features).reshape(-1, landmarks, landmarks).diagonal(dim1=1, dim2=2)


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
