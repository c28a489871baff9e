"""The contract of a backbone: an image of any size to 16 feature channels at the image's own resolution."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError

#: Feature channels that every backbone puts out.
OUT_CHANNELS = 16


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
        if image.ndim != 4 or image.shape[1] != self.in_channels:
            raise InputError(f"{self.name} takes images (B, {self.in_channels}, H, W), not {tuple(image.shape)}.")
        height, width = image.shape[2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        if any(padding):
            image = F.pad(image, padding, mode="replicate")
        features = self.extract(image.contiguous(memory_format=torch.channels_last))
        return features[..., :height, :width]

    @abstractmethod
    def extract(self, image: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) images, H and W multiples of ``multiple``, to (B, 16, H, W) features."""
