"""Backbones by name: an image of any size to 16 feature channels at the image's own resolution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial

import torch
from monai.networks.layers.simplelayers import SkipConnection
from monai.networks.nets import UNet
from torch import nn

from monai_ext.landmarks import InputError

from .blocks import prepared
from .decoder import build_decoder
from .encoders import MULTIPLE, build_encoder, encoder_names, is_encoder

#: Feature channels that every backbone puts out.
OUT_CHANNELS = 16
#: HRNet's finest branch has one cell for this many pixels in height and in width.
HRNET_STRIDE = 4


class Backbone(nn.Module, ABC):
    """The contract: (B, C, H, W) images to (B, 16, H, W) features, for any H and W.

    Images are padded at the right and bottom by repeating the last column and row up to the multiple that is needed,
    and the features are cropped back: no pixel moves. A subclass gives :meth:`extract`.

    Args:
        name: what messages call it.
        in_channels: number of image channels.
        multiple: number of pixels that divides the heights and widths that :meth:`extract` takes.

    Attributes:
        out_channels: number of feature channels, 16.
        encoder: the part that public classifiers have as well, so that it can take their weights; or None.
        left_out: beginnings of names in public weights of such a classifier that :attr:`encoder` does without, though
            it has the part that they are in.

    Raises:
        InputError: ``in_channels`` is not positive.
    """

    out_channels: int = OUT_CHANNELS
    encoder: nn.Module | None
    left_out: tuple[str, ...] = ()

    def __init__(self, name: str, in_channels: int, multiple: int) -> None:
        super().__init__()
        if in_channels < 1:
            raise InputError(f"The backbone {name} needs at least one image channel, not {in_channels}.")
        self.name = name
        self.in_channels = in_channels
        self.multiple = multiple
        self.encoder = None

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) images to (B, 16, H, W) features.

        Raises:
            InputError: the images have another number of channels.
        """
        features = self.extract(prepared(image, self.in_channels, self.multiple, self.name, training=self.training))
        return features[..., : image.shape[2], : image.shape[3]]

    @abstractmethod
    def extract(self, image: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) images, H and W multiples of ``multiple``, to (B, 16, H, W) features."""

    def deepest_part(self) -> nn.Module:
        """The part whose answer, or the last of whose answers, is the deepest map.

        Raises:
            InputError: there is no encoder.
        """
        if self.encoder is None:
            raise InputError(f"The backbone {self.name} has no encoder whose features can be compared.")
        return self.encoder


class HRNetBackbone(Backbone):
    """HRNet's quarter-resolution branch, each cell spread by a 1x1 convolution over its 4x4 pixels.

    Lei et al., ZIAN, OMIA9 2022: 1x1 convolution to 16 * 4 * 4 = 256 channels, then PixelShuffle. The paper's 28.544
    million parameters of the coarse network (one landmark, width 32) are 28,535,552 of an HRNet without the exchange
    layers towards its coarser outputs, 32 * 256 + 256 of this convolution with bias and 16 + 1 of the heatmap head.

    The HRNet (Sun et al., CVPR 2019) is timm's; its last exchange keeps the layers towards the finest branch alone,
    since nothing would train the others (769,984 parameters at width 32).
    """

    encoder: nn.Module

    def __init__(self, name: str, in_channels: int) -> None:
        import timm  # here, since it takes a second

        super().__init__(name, in_channels, MULTIPLE)
        finest = (1,)  # of the branches; 0 is the stem
        self.encoder = timm.create_model(
            name, features_only=True, feature_location="", out_indices=finest, in_chans=in_channels
        )
        last = len(self.encoder.stage4) - 1
        exchange = self.encoder.stage4[last]
        self.left_out = tuple(f"stage4.{last}.fuse_layers.{branch}." for branch in range(1, len(exchange.fuse_layers)))
        exchange.fuse_layers = exchange.fuse_layers[:1]
        (width,) = self.encoder.feature_info.channels()
        self.adapter = nn.Conv2d(width, self.out_channels * HRNET_STRIDE**2, kernel_size=1)
        self.shuffle = nn.PixelShuffle(HRNET_STRIDE)

    def extract(self, image: torch.Tensor) -> torch.Tensor:
        return self.shuffle(self.adapter(self.encoder(image)[0]))

    def deepest_part(self) -> nn.Module:
        return self.encoder.get_submodule("stage4")[-1].branches[-1]


class UNetOnEncoder(Backbone):
    """A :class:`~monai_ext.networks.heatmap_net.HeatmapNet` without its heads, on any encoder.

    Args:
        name: of the encoder.
        in_channels: number of image channels.
        width: of the pyramid decoder, whose answer a 1 x 1 convolution takes to the backbone's channels; None takes
            MONAI's U-Net decoder.
    """

    encoder: nn.Module

    def __init__(self, name: str, in_channels: int, width: int | None = None) -> None:
        super().__init__(name, in_channels, MULTIPLE)
        self.encoder = build_encoder(name, in_channels)
        widths = (256, 128, 64, 32, self.out_channels) if width is None else width
        self.decoder = build_decoder(in_channels, self.encoder.channels, widths)
        narrowed = self.decoder.out_channels != self.out_channels
        self.adapter = nn.Conv2d(self.decoder.out_channels, self.out_channels, 1) if narrowed else nn.Identity()

    def extract(self, image: torch.Tensor) -> torch.Tensor:
        return self.adapter(self.decoder(self.encoder(image)))


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

    def deepest_part(self) -> nn.Module:
        skips = [module for module in self.unet.modules() if isinstance(module, SkipConnection)]
        return skips[-1].submodule


#: Backbones that are more than a U-Net on an encoder, each with what makes one for a number of image channels.
BACKBONES: dict[str, Callable[[int], Backbone]] = {
    **{name: partial(HRNetBackbone, name) for name in ("hrnet_w18", "hrnet_w32", "hrnet_w48")},
    "unet": partial(UNetBackbone, "unet", channels=(32, 64, 128, 256, 512)),
    "unet_small": partial(UNetBackbone, "unet_small", channels=(8, 16, 32), num_res_units=0),
}


def build_backbone(name: str, in_channels: int, decoder_width: int | None = None) -> Backbone:
    """A new backbone with random weights, in channels-last memory order, which is faster on CPUs and tensor cores.

    Args:
        name: one of :data:`BACKBONES`, or an encoder that a U-Net is put on; see
            :func:`~monai_ext.networks.encoders.build_encoder`.
        in_channels: number of image channels.
        decoder_width: of the pyramid decoder on an encoder; None puts a U-Net's decoder on it.

    Raises:
        InputError: the name is unknown, or a decoder is requested where the backbone has its own.

    Examples:
        >>> build_backbone("unet_small", 1)(torch.zeros(2, 1, 70, 50)).shape
        torch.Size([2, 16, 70, 50])
    """
    if name not in BACKBONES and not is_encoder(name):
        raise InputError(f"Unknown backbone {name!r}: use one of {', '.join(backbone_names())}, or a model of timm.")
    if decoder_width is not None and name in BACKBONES:
        raise InputError(f"The backbone {name} has its own decoder: leave out decoder_channels {decoder_width}.")
    make = BACKBONES.get(name, partial(UNetOnEncoder, name, width=decoder_width))
    return make(in_channels).to(memory_format=torch.channels_last)


def backbone_names() -> list[str]:
    """The backbones that can be had by name without further knowledge of timm."""
    return [*BACKBONES, *encoder_names()]
