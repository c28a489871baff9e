"""A U-Net on any image encoder, with a heatmap for each landmark and, if wanted, its presence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.flexible_unet import UNetDecoder
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError

from .encoders import BATCH_NORM_MOMENTUM, MULTIPLE, NUM_STAGES, build_encoder, pool
from .output import HeatmapOutput
from .presence_head import presence_layer
from .pyramid import PYRAMID_WIDTH, PyramidDecoder

#: Pixels of the image per cell of a heatmap, each with the decoder stages that it takes.
STRIDES = {1: NUM_STAGES, 2: NUM_STAGES - 1, 4: NUM_STAGES - 2}


class HeatmapNet(nn.Module):
    """An encoder, the decoder of MONAI's FlexibleUNet, a heatmap head and an optional presence head.

    Images of any size are accepted: they are padded at the right and at the bottom by repeating the last column and
    row up to a multiple of 32, and the heatmaps are cropped to the cells that the image reaches, so that no pixel
    moves. Weights and activations are kept in channels-last order, which is faster on CPUs and tensor cores.

    Args:
        in_channels: number of image channels.
        num_landmarks: number K of landmarks.
        backbone: name of the encoder; see :func:`~monai_ext.networks.encoders.build_encoder`.
        decoder_channels: width of a :class:`~monai_ext.networks.pyramid.PyramidDecoder`, or the widths of the five
            stages of MONAI's U-Net decoder, deepest first, of which those finer than the heatmaps are not built. The
            pyramid has a sixth of the weights and learns from few images.
        presence: whether to tell for each landmark if it is in the image: a linear layer on the pooled deepest
            features of the same pass.
        dropout: probability with which the decoder drops values in training.
        stride: pixels of the image per cell of a heatmap, 1, 2 or 4: cell c lies at pixel
            ``(c + 0.5) * stride - 0.5``.

    Raises:
        InputError: an argument has no meaning.

    Example:
        >>> network = HeatmapNet(in_channels=1, num_landmarks=4, backbone="resnet10").eval()
        >>> output = network(torch.zeros(2, 1, 70, 50))
        >>> output.heatmaps.shape, output.presence.shape
        (torch.Size([2, 4, 70, 50]), torch.Size([2, 4]))
    """

    def __init__(
        self,
        in_channels: int,
        num_landmarks: int,
        backbone: str = "efficientnet-lite0",
        decoder_channels: int | Sequence[int] = PYRAMID_WIDTH,
        presence: bool = True,
        dropout: float = 0.0,
        stride: int = 1,
    ) -> None:
        super().__init__()
        if min(in_channels, num_landmarks) < 1:
            raise InputError(
                f"A network needs at least one channel and one landmark, not {in_channels} and {num_landmarks}."
            )
        if not 0 <= dropout < 1:
            raise InputError(f"dropout is a probability from 0 to below 1, not {dropout}.")
        if stride not in STRIDES:
            raise InputError(f"stride is one of {', '.join(map(str, STRIDES))} pixels per cell, not {stride}.")
        self.in_channels = in_channels
        self.stride = stride
        self.encoder = build_encoder(backbone, in_channels)
        self.decoder = build_decoder(in_channels, self.encoder.channels, decoder_channels, dropout, stride)
        self.heatmap_head = nn.Conv2d(self.decoder.out_channels, num_landmarks, kernel_size=3, padding=1)
        self.presence_head = presence_layer(self.encoder.channels[-1], num_landmarks) if presence else None
        self.to(memory_format=torch.channels_last)

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        """(B, C, H, W) images to (B, K, ceil(H / stride), ceil(W / stride)) heatmaps and (B, K) logits or None."""
        if image.ndim != 4 or image.shape[1] != self.in_channels:
            raise InputError(f"The network takes images (B, {self.in_channels}, H, W), not {tuple(image.shape)}.")
        height, width = image.shape[2:]
        padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        if any(padding):
            image = F.pad(image, padding, mode="replicate")
        features = self.encoder(image.contiguous(memory_format=torch.channels_last))
        heatmaps = self.heatmap_head(self.decoder(features))
        heatmaps = heatmaps[..., : -(-height // self.stride), : -(-width // self.stride)]
        presence = None if self.presence_head is None else self.presence_head(pool(features[-1]))
        return HeatmapOutput(heatmaps, presence, self.stride)


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
        widths: one, of a :class:`~monai_ext.networks.pyramid.PyramidDecoder`; or those of the five stages, deepest
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
        norm=("batch", {"eps": 1e-3, "momentum": BATCH_NORM_MOMENTUM}),
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
