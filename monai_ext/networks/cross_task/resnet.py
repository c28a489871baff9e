"""torchvision's ResNets without their classifier, and the variants that public weights were trained in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models

from monai_ext.landmarks import InputError

Variant = Literal["torchvision", "caffe", "keras"]

#: The encoder has one cell for this many pixels in height and in width.
STRIDE = 32

#: Epsilon of batch normalisation in Keras' ResNets.
KERAS_EPSILON = 1.001e-5

#: Widths of torchvision's first convolution.
_STEM_CHANNELS = 64


class Architecture(NamedTuple):
    """One ResNet.

    Attributes:
        build: torchvision's function.
        blocks: number of blocks of each of the four layers.
        bottleneck: whether a block has three convolutions instead of two.
        channels: of the encoder's map.
        variant: where it differs from torchvision's; see :class:`ResNetEncoder`.
    """

    build: Callable[..., models.ResNet]
    blocks: tuple[int, int, int, int]
    bottleneck: bool
    channels: int
    variant: Variant = "torchvision"


_RESNET50 = Architecture(models.resnet50, (3, 4, 6, 3), True, 2048)

#: The ResNets by name.
ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "resnet18": Architecture(models.resnet18, (2, 2, 2, 2), False, 512),
        "resnet34": Architecture(models.resnet34, (3, 4, 6, 3), False, 512),
        "resnet50": _RESNET50,
        "resnet50_caffe": _RESNET50._replace(variant="caffe"),
        "resnet50_keras": _RESNET50._replace(variant="keras"),
    }
)


class ResNetEncoder(nn.Module):
    """A ResNet up to its last feature map, with torchvision's names (He et al., CVPR 2016).

    Variants of ResNet-50, in which weights of other programs were trained; without them the same weights give other
    features:

    - ``torchvision``: the second convolution of a layer's first block has the stride.
    - ``caffe``: the first has it, as in the paper, and the pooling after the stem is not padded but looks past the
      border (VGGFace2).
    - ``keras``: the first has it, and batch normalisation has Keras' epsilon (RadImageNet).

    Args:
        architecture: one of :data:`ARCHITECTURES`.
        in_channels: number of image channels.

    Attributes:
        channels: C of the map.

    Raises:
        InputError: an unknown architecture, or no image channel.
    """

    def __init__(self, architecture: str, in_channels: int = 3) -> None:
        super().__init__()
        if architecture not in ARCHITECTURES:
            raise InputError(f"Unknown ResNet {architecture!r}: use one of {', '.join(ARCHITECTURES)}.")
        if in_channels < 1:
            raise InputError(f"A ResNet needs at least one image channel, not {in_channels}.")
        self.architecture = architecture
        self.in_channels = in_channels
        kind = ARCHITECTURES[architecture]
        self.channels = kind.channels
        network = kind.build(weights=None)
        self.conv1 = network.conv1
        if in_channels != 3:
            self.conv1 = nn.Conv2d(in_channels, _STEM_CHANNELS, kernel_size=7, stride=2, padding=3, bias=False)
            nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.bn1 = network.bn1
        self.relu = network.relu
        self.maxpool = network.maxpool
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4
        _VARIANTS[kind.variant](self)
        self.to(memory_format=torch.channels_last)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, H, W) images to (B, C, ceil(H / 32), ceil(W / 32)) features."""
        features = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        return self.layer4(self.layer3(self.layer2(self.layer1(features))))


def pool(features: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) features to their (B, C) means: adaptive pooling, for images of any size."""
    return F.adaptive_avg_pool2d(features, 1).flatten(1)


def _as_torchvision(encoder: ResNetEncoder) -> None:
    pass


def _as_caffe(encoder: ResNetEncoder) -> None:
    _stride_first(encoder)
    encoder.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=0, ceil_mode=True)


def _as_keras(encoder: ResNetEncoder) -> None:
    _stride_first(encoder)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = KERAS_EPSILON


def _stride_first(encoder: ResNetEncoder) -> None:
    for layer in (encoder.layer2, encoder.layer3, encoder.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)


_VARIANTS: dict[Variant, Callable[[ResNetEncoder], None]] = {
    "torchvision": _as_torchvision,
    "caffe": _as_caffe,
    "keras": _as_keras,
}
