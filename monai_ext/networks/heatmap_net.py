"""A U-Net on any of MONAI's image encoders, with a heatmap for each landmark and, if wanted, its presence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets import FlexibleUNet
from monai.networks.nets.flexible_unet import FLEXUNET_BACKBONE
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError

from .output import HeatmapOutput
from .presence_head import presence_layer

#: The encoder halves the image this often.
NUM_STAGES = 5

#: Momentum of all batch normalisations. EfficientNet's own 0.01 lags far behind the weights in short trainings.
BATCH_NORM_MOMENTUM = 0.1

#: Parts of MONAI's encoders that only a classifier uses: a quarter of the weights of efficientnet-b0.
_CLASSIFIER_PARTS = ("_conv_head", "_conv_head_padding", "_bn1", "_avg_pooling", "_dropout", "_fc", "avgpool", "fc")


class HeatmapNet(nn.Module):
    """MONAI's FlexibleUNet with random weights, a heatmap head and an optional presence head.

    Heatmaps have one pixel per image pixel. Images of any size are accepted: they are padded at the right and at the
    bottom by repeating the last column and row up to a multiple of 32, and the heatmaps are cropped back, so that no
    pixel moves. Weights and activations are kept in channels-last order, which is faster on CPUs and tensor cores.

    Args:
        in_channels: number of image channels.
        num_landmarks: number K of landmarks.
        backbone: name of the encoder, one of :func:`backbone_names`.
        decoder_channels: width of the five decoder stages, deepest first.
        presence: whether to tell for each landmark if it is in the image: a linear layer on the pooled deepest
            features of the same pass.
        dropout: probability with which the decoder drops each of its values in training.

    Raises:
        InputError: an argument has no meaning; the message lists the encoders where the name is unknown.

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
        backbone: str = "efficientnet-b0",
        decoder_channels: Sequence[int] = (256, 128, 64, 32, 16),
        presence: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if backbone not in FLEXUNET_BACKBONE.register_dict:
            raise InputError(f"Unknown backbone {backbone!r}: use one of {', '.join(backbone_names())}.")
        if min(in_channels, num_landmarks) < 1:
            raise InputError(
                f"A network needs at least one channel and one landmark, not {in_channels} and {num_landmarks}."
            )
        if len(decoder_channels) != NUM_STAGES or min(decoder_channels) < 1:
            raise InputError(f"decoder_channels are {NUM_STAGES} positive widths, not {list(decoder_channels)}.")
        if not 0 <= dropout < 1:
            raise InputError(f"dropout is a probability from 0 to below 1, not {dropout}.")
        unet = FlexibleUNet(
            in_channels,
            num_landmarks,
            backbone,
            pretrained=False,
            decoder_channels=tuple(decoder_channels),
            dropout=dropout,
        )
        self.in_channels = in_channels
        self.encoder = unet.encoder
        self.decoder = unet.decoder
        self.skip_connections = unet.skip_connect
        self.heatmap_head = unet.segmentation_head[0]
        for part in _CLASSIFIER_PARTS:
            if hasattr(self.encoder, part):
                delattr(self.encoder, part)
        deepest = FLEXUNET_BACKBONE.register_dict[backbone]["feature_channel"][-1]
        self.presence_head = presence_layer(deepest, num_landmarks) if presence else None
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = BATCH_NORM_MOMENTUM
        self.to(memory_format=torch.channels_last)

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        """(B, C, H, W) images to (B, K, H, W) heatmaps and (B, K) presence logits or None."""
        if image.ndim != 4 or image.shape[1] != self.in_channels:
            raise InputError(f"The network takes images (B, {self.in_channels}, H, W), not {tuple(image.shape)}.")
        height, width = image.shape[2:]
        multiple = 2**NUM_STAGES
        padding = (0, -width % multiple, 0, -height % multiple)
        if any(padding):
            image = F.pad(image, padding, mode="replicate")
        features = self.encoder(image.contiguous(memory_format=torch.channels_last))
        heatmaps = self.heatmap_head(self.decoder(features, self.skip_connections))[..., :height, :width]
        if self.presence_head is None:
            return HeatmapOutput(heatmaps)
        return HeatmapOutput(heatmaps, self.presence_head(features[-1].mean((2, 3))))


def backbone_names() -> list[str]:
    """The encoders that :class:`HeatmapNet` accepts."""
    return sorted(FLEXUNET_BACKBONE.register_dict)
