"""Decoders of the maps of an image encoder: a feature pyramid with few weights, or MONAI's U-Net decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.flexible_unet import UNetDecoder
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError

from .encoders import BATCH_NORM_MOMENTUM, NUM_STAGES

#: Pixels of the image per cell of a heatmap, each with the decoder stages that it takes.
STRIDES = {1: NUM_STAGES, 2: NUM_STAGES - 1, 4: NUM_STAGES - 2}

#: Number of channels that serves from a handful to a thousand labelled images.
PYRAMID_WIDTH = 64

#: Of the batch normalisations.
EPSILON = 1e-3


def build_decoder(
    in_channels: int,
    encoder_channels: Sequence[int],
    widths: int | Sequence[int],
    dropout: float = 0.0,
    stride: int = 1,
) -> nn.Module:
    """A decoder of the maps of an encoder up to a resolution, with the attribute ``out_channels``.

    Args:
        in_channels: number of image channels.
        encoder_channels: of the encoder's five maps.
        widths: one, of a :class:`PyramidDecoder`; or those of the five stages, deepest
            first, of MONAI's U-Net decoder as its FlexibleUNet has it.
        dropout: probability with which the U-Net's decoder drops values in training, and the pyramid channels.
        stride: pixels of the image per cell of the answer, one of :data:`STRIDES`.

    Raises:
        InputError: the widths are not one positive number or five.
    """
    if isinstance(widths, int):
        return PyramidDecoder(encoder_channels, widths, stride, dropout)
    if len(widths) != NUM_STAGES or min(widths) < 1:
        raise InputError(
            f"decoder_channels is one positive width, or {NUM_STAGES} of a U-Net, deepest first; not {list(widths)}."
        )
    decoder = UNetDecoder(
        spatial_dims=2,
        encoder_channels=(in_channels, *encoder_channels),
        decoder_channels=tuple(widths),
        act=("relu", {"inplace": True}),
        norm=("batch", {"eps": EPSILON, "momentum": BATCH_NORM_MOMENTUM}),
        dropout=dropout,
        bias=False,
        upsample="nontrainable",
        pre_conv="default",
        interp_mode="nearest",
        align_corners=None,
        is_pad=True,
    )
    decoder.blocks = decoder.blocks[: STRIDES[stride]]
    decoder.out_channels = widths[STRIDES[stride] - 1]
    return decoder


class PyramidDecoder(nn.Module):
    """Joins the maps of an encoder from the deepest to the finest, all brought to one width.

    Each map is brought to the width by a 1 x 1 convolution. From the deepest on, the joined map is enlarged twice by
    bilinear interpolation, which moves no pixel, laid beside the next finer one and taken back to the width by a 3 x 3
    convolution. Every convolution has a batch normalisation. At half the image's resolution, where most of the time is
    spent, the width is half.

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

    Examples:
        >>> decoder = PyramidDecoder((16, 24, 40, 112, 320), width=64, stride=2)
        >>> maps = [torch.zeros(1, c, 64 >> i, 96 >> i) for i, c in enumerate((16, 24, 40, 112, 320))]
        >>> decoder(maps).shape
        torch.Size([1, 32, 64, 96])
    """

    def __init__(self, encoder_channels: Sequence[int], width: int, stride: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        if width < 1:
            raise InputError(f"The decoder's width must be a positive number of channels, not {width}.")
        self.first = max(0, stride.bit_length() - 2)  # index of the finest map that is joined
        widths = [_share(width, 2) if i == 0 else width for i in range(len(encoder_channels))][self.first :]
        self.laterals = nn.ModuleList(
            _convolution(channels, own, 1) for channels, own in zip(encoder_channels[self.first :], widths, strict=True)
        )
        self.joints = nn.ModuleList(
            _Joint(above, own, dropout) for above, own in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.out_channels = widths[0]
        self.full = None
        if stride == 1:
            self.out_channels = _share(width, 4)
            self.full = _Joint(widths[0], self.out_channels, 0.0, lateral=False)

    def forward(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Maps (B, C_i, H / 2^(i+1), W / 2^(i+1)), i from 0, to (B, out_channels, H / stride, W / stride)."""
        *finer, joined = [lateral(map_) for lateral, map_ in zip(self.laterals, features[self.first :], strict=True)]
        for joint, lateral in zip(self.joints, reversed(finer), strict=True):
            joined = joint(joined, lateral)
        return joined if self.full is None else self.full(joined)


class _Joint(nn.Module):
    """Enlarges a map twice and joins it with the next finer one, if there is one.

    Args:
        above: channels of the coarser map; brought to ``width`` where they are others.
        width: channels of the finer map and of the answer.
        dropout: probability with which a channel of the answer is dropped in training.
        lateral: whether there is a finer map.
    """

    def __init__(self, above: int, width: int, dropout: float, *, lateral: bool = True) -> None:
        super().__init__()
        self.narrow = nn.Identity() if above == width else _convolution(above, width, 1)
        self.mix = nn.Sequential(_convolution(width * (1 + lateral), width, 3), nn.ReLU(inplace=True))
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()

    def forward(self, coarser: torch.Tensor, finer: torch.Tensor | None = None) -> torch.Tensor:
        enlarged = F.interpolate(self.narrow(coarser), scale_factor=2.0, mode="bilinear", align_corners=False)
        if finer is None:
            return self.dropout(self.mix(enlarged))
        if self.training and finer.requires_grad:
            # Else its gradient is a slice of that of the joined map; batch normalisation takes 8 times as long on it.
            finer.register_hook(torch.clone)
        return self.dropout(self.mix(torch.cat((enlarged, finer), 1)))


def _share(width: int, parts: int) -> int:
    return max(1, width // parts)


def _convolution(in_channels: int, out_channels: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(out_channels, eps=EPSILON, momentum=BATCH_NORM_MOMENTUM),
    )
