"""The target of cross-task distillation: an encoder and three deconvolutions, heatmaps at a quarter of the image."""

from __future__ import annotations

import copy

import torch
from torch import nn

from monai_ext.landmarks import DeconvNetConfig, InputError

from .blocks import pool, prepared, presence_layer
from .cross_task.source import SourceClassifier
from .encoders import MULTIPLE, build_encoder
from .network import LandmarkNetwork, register_network
from .output import HeatmapOutput

#: Pixels of the image per cell of a heatmap.
HEATMAP_STRIDE = 4

#: Three deconvolutions of this width, each doubling the resolution.
DECODER_CHANNELS = 256
DECODER_LAYERS = 3

#: Standard deviation of the new convolutions' first weights.
INITIAL_DEVIATION = 0.001


@register_network(DeconvNetConfig)
class DeconvNet(LandmarkNetwork):
    """An encoder, three deconvolutions of 4 x 4 with batch normalisation, and a 1 x 1 convolution to K heatmaps.

    Images of any size are accepted: they are padded at the right and at the bottom by repeating the last column and
    row up to a multiple of 32, and the heatmaps are cropped to the cells that the image reaches. No pixel moves: cell c
    of a heatmap lies at pixel ``4 * c + 1.5``. Weights and activations are kept in channels-last order.

    Args:
        in_channels: number of image channels.
        num_landmarks: number K of landmarks.
        backbone: name of the encoder; see :func:`~monai_ext.networks.encoders.build_encoder`.
        presence: predict for each landmark whether it is in the image: a linear layer on the pooled deepest
            features of the same pass.
        source: classifier that the encoder begins as a copy of; None begins with random weights.

    Raises:
        InputError: an argument has no meaning, or the source is another network than ``backbone``.

    Source: Xiao et al., Simple Baselines for Human Pose Estimation and Tracking, ECCV 2018; as the target model of
    Fu et al., Cross-Task Representation Learning for Anatomical Landmark Detection, MLMI 2020.

    Examples:
        >>> network = DeconvNet(in_channels=3, num_landmarks=14, backbone="resnet18").eval()
        >>> network(torch.zeros(2, 3, 70, 50)).heatmaps.shape
        torch.Size([2, 14, 18, 13])
    """

    encoder_path = "encoder"

    def __init__(
        self,
        in_channels: int,
        num_landmarks: int,
        backbone: str = "resnet50",
        presence: bool = False,
        source: SourceClassifier | None = None,
    ) -> None:
        super().__init__()
        if num_landmarks < 1:
            raise InputError(f"A network needs at least one landmark, not {num_landmarks}.")
        self.in_channels = in_channels
        self.encoder = (
            build_encoder(backbone, in_channels) if source is None else _copied(source, backbone, in_channels)
        )
        channels: int = self.encoder.channels[-1]
        self.decoder = _decoder(channels)
        self.heatmap_head = nn.Conv2d(DECODER_CHANNELS, num_landmarks, kernel_size=1)
        nn.init.normal_(self.heatmap_head.weight, std=INITIAL_DEVIATION)
        nn.init.zeros_(self.heatmap_head.bias)
        self.presence_head = presence_layer(channels, num_landmarks) if presence else None
        self.to(memory_format=torch.channels_last)

    @classmethod
    def from_config(cls, config: DeconvNetConfig, in_channels: int, num_landmarks: int) -> DeconvNet:
        return cls(in_channels, num_landmarks, config.encoder, presence=config.presence)

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        """(B, C, H, W) images to (B, K, ceil(H / 4), ceil(W / 4)) heatmaps and (B, K) presence logits or None.

        Raises:
            InputError: the images have another number of channels.
        """
        features = self.encoder(prepared(image, self.in_channels, MULTIPLE, training=self.training))[-1]
        heatmaps = self.heatmap_head(self.decoder(features))
        height, width = (-(-side // HEATMAP_STRIDE) for side in image.shape[2:])
        presence = None if self.presence_head is None else self.presence_head(pool(features))
        return HeatmapOutput(heatmaps[..., :height, :width], presence, HEATMAP_STRIDE)


def _copied(source: SourceClassifier, backbone: str, in_channels: int) -> nn.Module:
    if (source.architecture, source.in_channels) != (backbone, in_channels):
        raise InputError(
            f"The source is a {source.architecture} of {source.in_channels} image channels and the network a "
            f"{backbone} of {in_channels}: make them the same."
        )
    return copy.deepcopy(source.encoder).requires_grad_(True).train()


def _decoder(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(DECODER_LAYERS):
        width = channels if index == 0 else DECODER_CHANNELS
        deconvolution = nn.ConvTranspose2d(width, DECODER_CHANNELS, kernel_size=4, stride=2, padding=1, bias=False)
        nn.init.normal_(deconvolution.weight, std=INITIAL_DEVIATION)
        layers += [deconvolution, nn.BatchNorm2d(DECODER_CHANNELS), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
