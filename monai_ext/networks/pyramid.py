"""A feature pyramid as a decoder: few weights, so that a handful of labelled images trains them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError

from .encoders import BATCH_NORM_MOMENTUM

#: Number of channels that serves from a handful to a thousand labelled images.
PYRAMID_WIDTH = 64

#: Of the batch normalisations.
EPSILON = 1e-3


class PyramidDecoder(nn.Module):
    """Joins the maps of an encoder from the deepest to the finest, all brought to one width.

    Each map is brought to the width by a 1 x 1 convolution. From the deepest on, the joined map is enlarged twice by
    bilinear interpolation, which moves no pixel, laid beside the next finer one and taken back to the width by a 3 x 3
    convolution. Every convolution has a batch normalisation.

    Args:
        encoder_channels: of the encoder's maps, the finest, at half of the image's resolution, first.
        width: number of channels of the pyramid.
        stride: pixels of the image per cell of the answer, 1, 2 or 4. At 1 the map at half the resolution is enlarged
            once more, at a quarter of the width.
        dropout: probability with which a channel of a joined map is dropped in training.

    Attributes:
        out_channels: number of channels of the answer.

    Raises:
        InputError: the width is not positive.

    Source: after Lin et al., Feature Pyramid Networks for Object Detection, CVPR 2017, with concatenation in place of
    addition.

    Example:
        >>> decoder = PyramidDecoder((16, 24, 40, 112, 320), width=64, stride=2)
        >>> maps = [torch.zeros(1, c, 64 >> i, 96 >> i) for i, c in enumerate((16, 24, 40, 112, 320))]
        >>> decoder(maps).shape
        torch.Size([1, 64, 64, 96])
    """

    def __init__(self, encoder_channels: Sequence[int], width: int, stride: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        if width < 1:
            raise InputError(f"The decoder's width is a positive number of channels, not {width}.")
        finest = max(0, stride.bit_length() - 2)  # index of the finest map that is joined
        self.finest = finest
        dropped = [nn.Dropout2d(dropout)] if dropout else []
        self.laterals = nn.ModuleList(_convolution(channels, width, 1) for channels in encoder_channels[finest:])
        self.joints = nn.ModuleList(
            nn.Sequential(_convolution(2 * width, width, 3), nn.ReLU(inplace=True), *dropped)
            for _ in encoder_channels[finest + 1 :]
        )
        self.out_channels = width if stride > 1 else max(1, width // 4)
        self.last = None
        if stride == 1:
            self.narrow = _convolution(width, self.out_channels, 1)
            self.last = nn.Sequential(_convolution(self.out_channels, self.out_channels, 3), nn.ReLU(inplace=True))

    def forward(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Maps (B, C_i, H / 2^(i+1), W / 2^(i+1)), i from 0, to (B, out_channels, H / stride, W / stride)."""
        *finer, joined = [lateral(map_) for lateral, map_ in zip(self.laterals, features[self.finest :], strict=True)]
        for joint, lateral in zip(self.joints, reversed(finer), strict=True):
            joined = joint(torch.cat((_twice(joined), lateral), 1))
        return joined if self.last is None else self.last(_twice(self.narrow(joined)))


def _convolution(in_channels: int, out_channels: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(out_channels, eps=EPSILON, momentum=BATCH_NORM_MOMENTUM),
    )


def _twice(features: torch.Tensor) -> torch.Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
