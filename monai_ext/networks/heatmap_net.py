"""A U-Net on any image encoder, with a heatmap for each landmark and, if wanted, its presence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from monai_ext.landmarks import HeatmapNetConfig, InputError

from .blocks import pool, prepared, presence_layer
from .decoder import PYRAMID_WIDTH, STRIDES, build_decoder
from .encoders import MULTIPLE, build_encoder
from .local_contrast import local_contrast
from .network import LandmarkNetwork, register_network
from .output import HeatmapOutput
from .pretrained import Weights


@register_network(HeatmapNetConfig)
class HeatmapNet(LandmarkNetwork):
    """An encoder, the decoder of MONAI's FlexibleUNet, a heatmap head and an optional presence head.

    Images of any size are accepted: they are padded at the right and at the bottom by repeating the last column and
    row up to a multiple of 32, and the heatmaps are cropped to the cells that the image reaches, so that no pixel
    moves. Weights and activations are kept in channels-last order, which is faster on CPUs and tensor cores.

    With ``second_look`` another network of this kind looks at the local contrast of the image, which hardly depends on
    the colour and light of a camera, and the heatmaps and the logits of presence are the mean of both.

    Args:
        in_channels: number of image channels.
        num_landmarks: number K of landmarks.
        backbone: name of the encoder; see :func:`~monai_ext.networks.encoders.build_encoder`.
        decoder_channels: width of a :class:`~monai_ext.networks.decoder.PyramidDecoder`, or the widths of the five
            stages of MONAI's U-Net decoder, deepest first, of which those finer than the heatmaps are not built. The
            pyramid has a sixth of the weights and learns from few images.
        presence: predict for each landmark whether it is in the image: a linear layer on the pooled deepest
            features of the same pass.
        dropout: probability with which the decoder drops values in training.
        stride: pixels of the image per cell of a heatmap, 1, 2 or 4: cell c lies at pixel
            ``(c + 0.5) * stride - 0.5``.
        second_look: look at the local contrast, too. In training each network learns its heatmaps alone.

    Raises:
        InputError: an argument has no meaning.

    Examples:
        >>> network = HeatmapNet(in_channels=1, num_landmarks=4, backbone="resnet10").eval()
        >>> output = network(torch.zeros(2, 1, 70, 50))
        >>> output.heatmaps.shape, output.presence.shape
        (torch.Size([2, 4, 70, 50]), torch.Size([2, 4]))
    """

    encoder_path = "encoder"

    def __init__(
        self,
        in_channels: int,
        num_landmarks: int,
        backbone: str = "efficientnet-lite0",
        decoder_channels: int | Sequence[int] = PYRAMID_WIDTH,
        presence: bool = True,
        dropout: float = 0.0,
        stride: int = 1,
        second_look: bool = False,
    ) -> None:
        super().__init__()
        if min(in_channels, num_landmarks) < 1:
            raise InputError(
                f"A network needs at least one channel and one landmark, not {in_channels} and {num_landmarks}."
            )
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must be a probability in [0, 1), not {dropout}.")
        if stride not in STRIDES:
            raise InputError(f"stride is one of {', '.join(map(str, STRIDES))} pixels per cell, not {stride}.")
        self.in_channels = in_channels
        self.stride = stride
        self.encoder = build_encoder(backbone, in_channels)
        self.decoder = build_decoder(in_channels, self.encoder.channels, decoder_channels, dropout, stride)
        self.heatmap_head = nn.Conv2d(self.decoder.out_channels, num_landmarks, kernel_size=3, padding=1)
        self.presence_head = presence_layer(self.encoder.channels[-1], num_landmarks) if presence else None
        self.second = None
        if second_look:
            self.second = HeatmapNet(in_channels, num_landmarks, backbone, decoder_channels, presence, dropout, stride)
        self.to(memory_format=torch.channels_last)

    @classmethod
    def from_config(cls, config: HeatmapNetConfig, in_channels: int, num_landmarks: int) -> HeatmapNet:
        return cls(
            in_channels,
            num_landmarks,
            config.backbone,
            config.decoder_channels,
            presence=config.presence,
            dropout=config.dropout,
            stride=config.stride,
            second_look=config.second_look,
        )

    def find_encoders(self) -> list[nn.Module]:
        return super().find_encoders() + ([] if self.second is None else self.second.find_encoders())

    def take_encoder(self, name: str, weights: Weights) -> None:
        super().take_encoder(name, weights)
        if self.second is not None:
            self.second.take_encoder(name, weights)

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        """(B, C, H, W) images to (B, K, ceil(H / stride), ceil(W / stride)) heatmaps and (B, K) logits or None."""
        features = self.encoder(prepared(image, self.in_channels, MULTIPLE, training=self.training))
        height, width = (-(-side // self.stride) for side in image.shape[2:])
        heatmaps = self.heatmap_head(self.decoder(features))[..., :height, :width]
        presence = None if self.presence_head is None else self.presence_head(pool(features[-1]))
        if self.second is None:
            return HeatmapOutput(heatmaps, presence, self.stride)
        second = self.second(local_contrast(image))
        if presence is not None:
            presence = (presence + second.presence) / 2
        if self.training:
            return HeatmapOutput(heatmaps, presence, self.stride, (second.heatmaps,))
        # the mean of logits is, up to a constant, that of logarithms of probabilities: both must see a place
        return HeatmapOutput((heatmaps + second.heatmaps) / 2, presence, self.stride)
