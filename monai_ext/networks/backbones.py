"""The backbones that can be had by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from monai.networks.nets import UNet
from torch import nn

from monai_ext.landmarks import InputError

from . import hrnet
from .backbone import Backbone
from .heatmap_net import NUM_STAGES, HeatmapNet
from .pretrained import TIMM, load_backbone_weights, load_timm_weights

#: HRNet's finest branch has one cell for this many pixels in height and in width.
HRNET_STRIDE = 4


class HRNetBackbone(Backbone):
    """HRNet's quarter-resolution branch, each cell spread by a 1x1 convolution over its 4x4 pixels.

    Lei et al., ZIAN, OMIA9 2022: 1x1 convolution to 16 * 4 * 4 = 256 channels, then PixelShuffle. The paper's 28.544
    million parameters of the coarse network (one landmark, width 32) are 28,535,552 of an HRNet without the exchange
    layers towards its coarser outputs, 32 * 256 + 256 of this convolution with bias and 16 + 1 of the heatmap head.
    """

    encoder: hrnet.HRNet
    left_out = (
        "incre_modules.",
        "downsamp_modules.",
        "final_layer.",
        "classifier.",
        *(f"stage4.2.fuse_layers.{branch}." for branch in (1, 2, 3)),  # to the coarser outputs
    )

    def __init__(self, name: str, in_channels: int, width: int) -> None:
        super().__init__(name, in_channels, hrnet.MULTIPLE)
        self.encoder = hrnet.HRNet(width, in_channels)
        self.adapter = nn.Conv2d(width, self.out_channels * HRNET_STRIDE**2, kernel_size=1)
        self.shuffle = nn.PixelShuffle(HRNET_STRIDE)

    def extract(self, image: torch.Tensor) -> torch.Tensor:
        return self.shuffle(self.adapter(self.encoder(image)[0]))


class FlexibleBackbone(Backbone):
    """Encoder and decoder of MONAI's FlexibleUNet without its head, in the widths of :class:`HeatmapNet`.

    MONAI's resnet18 and resnet34 have shortcuts without weights (He et al. 2016, option A); here they have projections
    (option B), as those that public weights exist of.
    """

    encoder: nn.Module
    left_out = ("fc.", "_fc.", "_conv_head.", "_bn1.")

    def __init__(self, name: str, in_channels: int) -> None:
        super().__init__(name, in_channels, 2**NUM_STAGES)
        network = HeatmapNet(in_channels, 1, name, presence=False)
        self.encoder = network.encoder
        self.decoder = network.decoder
        self.skip_connections = network.skip_connections
        if name in ("resnet18", "resnet34"):
            for unit in (self.encoder.layer2[0], self.encoder.layer3[0], self.encoder.layer4[0]):
                conv = unit.conv1
                projection = nn.Conv2d(conv.in_channels, conv.out_channels, kernel_size=1, stride=2, bias=False)
                nn.init.kaiming_normal_(projection.weight, mode="fan_out", nonlinearity="relu")
                unit.downsample = nn.Sequential(projection, nn.BatchNorm2d(conv.out_channels))

    def extract(self, image: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(image), self.skip_connections)


class UNetBackbone(Backbone):
    """MONAI's residual U-Net with batch normalisation.

    Args:
        name: what messages call it.
        in_channels: number of image channels.
        channels: width at full resolution and after each halving.
        num_res_units: convolutions of each residual unit; 0 for plain convolutions.

    Raises:
        InputError: there are fewer than two widths or one is not positive.
    """

    def __init__(self, name: str, in_channels: int, channels: Sequence[int], num_res_units: int = 2) -> None:
        if len(channels) < 2 or min(channels) < 1:
            raise InputError(f"The backbone {name} needs at least two positive widths, not {list(channels)}.")
        super().__init__(name, in_channels, 2 ** (len(channels) - 1))
        self.unet = UNet(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=self.out_channels,
            channels=tuple(channels),
            strides=(2,) * (len(channels) - 1),
            num_res_units=num_res_units,
            norm="batch",
        )

    def extract(self, image: torch.Tensor) -> torch.Tensor:
        return self.unet(image)


_FLEXIBLE = (*(f"efficientnet-b{size}" for size in range(8)), "resnet18", "resnet34", "resnet50")

#: Names of backbones, each with what makes one for a number of image channels.
BACKBONES: dict[str, Callable[[int], Backbone]] = {
    **{f"hrnet_w{width}": partial(HRNetBackbone, f"hrnet_w{width}", width=width) for width in hrnet.WIDTHS},
    **{name: partial(FlexibleBackbone, name) for name in _FLEXIBLE},
    "unet": partial(UNetBackbone, "unet", channels=(32, 64, 128, 256, 512)),
    "unet_small": partial(UNetBackbone, "unet_small", channels=(8, 16, 32), num_res_units=0),
}


def build_backbone(name: str, in_channels: int, pretrained: Path | str | None = None) -> Backbone:
    """A new backbone, in channels-last memory order, which is faster on CPUs and tensor cores.

    Args:
        name: one of :data:`BACKBONES`.
        in_channels: number of image channels.
        pretrained: file of weights (.safetensors, .pth or .pt) to begin with, ``"timm"`` to fetch ImageNet weights
            through the package timm, or None for random weights, which fetches nothing.

    Raises:
        InputError: the name is unknown, or the weights do not fit or cannot be had.

    Example:
        >>> build_backbone("unet_small", 1)(torch.zeros(2, 1, 70, 50)).shape
        torch.Size([2, 16, 70, 50])
    """
    if name not in BACKBONES:
        raise InputError(f"Unknown backbone {name!r}: use one of {', '.join(BACKBONES)}.")
    backbone = BACKBONES[name](in_channels)
    if pretrained == TIMM:
        load_timm_weights(backbone)
    elif pretrained is not None:
        load_backbone_weights(backbone, Path(pretrained))
    return backbone.to(memory_format=torch.channels_last)
