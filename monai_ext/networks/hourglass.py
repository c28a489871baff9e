"""Stacked hourglasses with intermediate supervision (Newell, Yang and Deng, ECCV 2016)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import HourglassConfig, InputError

from .blocks import PresenceHead, prepared
from .network import LandmarkNetwork, register_network
from .output import HeatmapOutput

#: Pixels of the input per cell of a heatmap.
STRIDE = 4
#: An hourglass halves its features this often.
DEPTH = 4


class Residual(nn.Module):
    """The pre-activated bottleneck (He et al. 2016): 1x1, 3x3 and 1x1 convolutions beside a skip connection.

    Args:
        in_channels, out_channels: a 1x1 convolution is on the skip connection where they differ.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        middle = out_channels // 2
        self.branch = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.ReLU(),
            nn.Conv2d(in_channels, middle, 1),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, middle, 3, padding=1),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, out_channels, 1),
        )
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, in, H, W) to (B, out, H, W)."""
        return self.skip(features) + self.branch(features)


class HourglassModule(nn.Module):
    """Pools features ``depth`` times and brings them back up, with a residual module aside at every resolution.

    Max pooling takes two cells to one and nearest-neighbour upsampling one to the same two: no cell moves.

    Args:
        channels: of all features.
        depth: how often the features are halved; heights and widths are multiples of ``2 ** depth``.
    """

    def __init__(self, channels: int, depth: int = DEPTH) -> None:
        super().__init__()
        self.aside = Residual(channels, channels)
        self.down = Residual(channels, channels)
        self.inner = HourglassModule(channels, depth - 1) if depth > 1 else Residual(channels, channels)
        self.up = Residual(channels, channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) to the same shape."""
        low = self.up(self.inner(self.down(F.max_pool2d(features, 2))))
        return self.aside(features) + F.interpolate(low, scale_factor=2.0, mode="nearest")


class Stack(nn.Module):
    """An hourglass with its heatmaps.

    Args:
        channels: of the features.
        num_landmarks: K.
    """

    def __init__(self, channels: int, num_landmarks: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            HourglassModule(channels),
            Residual(channels, channels),
            nn.Conv2d(channels, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.heatmaps = nn.Conv2d(channels, num_landmarks, 1)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, C, h, w) to features of the same shape and (B, K, h, w) heatmaps."""
        features = self.features(features)
        return features, self.heatmaps(features)


class Merge(nn.Module):
    """Input of the next stack: that of the one before, plus its features and its heatmaps through 1x1 convolutions.

    Args:
        channels: of the features.
        num_landmarks: K.
    """

    def __init__(self, channels: int, num_landmarks: int) -> None:
        super().__init__()
        self.features = nn.Conv2d(channels, channels, 1)
        self.heatmaps = nn.Conv2d(num_landmarks, channels, 1)

    def forward(self, before: torch.Tensor, features: torch.Tensor, heatmaps: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w), (B, C, h, w) and (B, K, h, w) to (B, C, h, w)."""
        return before + self.features(features) + self.heatmaps(heatmaps)


@register_network(HourglassConfig)
class Hourglass(LandmarkNetwork):
    """The stacked hourglass network: heatmaps at a quarter of the input's resolution from every stack.

    Images of any size are accepted: they are padded at the right and at the bottom by repeating the last column and
    row up to a multiple of 64, and the heatmaps are cropped back to H / 4 and W / 4, rounded up. Cell x lies at the
    pixel ``4 x + 1.5``, the centre of the four pixels that it covers. The first convolution has 8x8 taps for that: the
    paper's 7x7 with stride 2 has its centre ON a pixel, which moves all heatmaps by half a pixel of the input against
    their mirror image. It costs 2,880 of the parameters of three channels.

    With 256 features and K = 16 the network has 6,573,280 parameters with 2 stacks and 25,436,992 with 8; Sun et al.
    (CVPR 2019) count 25.1 million for the latter.

    Args:
        in_channels: number of image channels.
        num_landmarks: number K of landmarks.
        stacks: number S of hourglasses.
        features: channels of the features; a multiple of 4.
        presence: predict for each landmark whether it is in the image, from the features of the last stack.

    Raises:
        InputError: an argument has no meaning.

    Examples:
        >>> network = Hourglass(in_channels=1, num_landmarks=4, stacks=2, features=16).eval()
        >>> output = network(torch.zeros(2, 1, 70, 50))
        >>> output.heatmaps.shape, output.stride, len(output.intermediate)
        (torch.Size([2, 4, 18, 13]), 4, 1)
    """

    def __init__(
        self, in_channels: int, num_landmarks: int, stacks: int = 2, features: int = 256, presence: bool = False
    ) -> None:
        super().__init__()
        if min(in_channels, num_landmarks, stacks) < 1:
            raise InputError(
                "A stacked hourglass needs at least one channel, one landmark and one stack, not "
                f"{in_channels}, {num_landmarks} and {stacks}."
            )
        if features < 4 or features % 4:
            raise InputError(f"The features of a stacked hourglass must be a multiple of 4, not {features}.")
        self.in_channels = in_channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, features // 4, 8, stride=2, padding=3),
            nn.BatchNorm2d(features // 4),
            nn.ReLU(inplace=True),
            Residual(features // 4, features // 2),
            nn.MaxPool2d(2),
            Residual(features // 2, features // 2),
            Residual(features // 2, features),
        )
        self.stacks = nn.ModuleList(Stack(features, num_landmarks) for _ in range(stacks))
        self.merges = nn.ModuleList(Merge(features, num_landmarks) for _ in range(stacks - 1))
        self.presence_head = PresenceHead(features, num_landmarks) if presence else None
        self.to(memory_format=torch.channels_last)

    @classmethod
    def from_config(cls, config: HourglassConfig, in_channels: int, num_landmarks: int) -> Hourglass:
        return cls(in_channels, num_landmarks, config.stacks, config.features, presence=config.presence)

    def deepest_part(self) -> nn.Module:
        """The bottom of the last stack."""
        module: nn.Module = self.stacks[-1].get_submodule("features.0")
        while isinstance(module, HourglassModule):
            module = module.inner
        return module

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        """(B, C, H, W) images to (B, K, H/4, W/4) heatmaps of every stack, the last one's first.

        Raises:
            InputError: the images have another number of channels.
        """
        carried = self.stem(prepared(image, self.in_channels, STRIDE * 2**DEPTH, training=self.training))
        height, width = (-(-side // STRIDE) for side in image.shape[2:])
        features, heatmaps = self.stacks[0](carried)
        earlier: list[torch.Tensor] = []
        for merge, stack in zip(self.merges, list(self.stacks)[1:], strict=True):
            earlier.append(heatmaps[..., :height, :width])
            carried = merge(carried, features, heatmaps)
            features, heatmaps = stack(carried)
        inside = features[..., :height, :width]
        presence = None if self.presence_head is None else self.presence_head(inside)
        return HeatmapOutput(heatmaps[..., :height, :width], presence, STRIDE, tuple(earlier))
