"""HRNet: a network that keeps a quarter-resolution branch from its stem to its output.

Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019, and Wang et al., TPAMI
2020 (arXiv:1908.07919). Tensors carry the names of the published checkpoints, so that ImageNet weights load by name.
"""

from __future__ import annotations

import torch
from torch import nn

from monai_ext.landmarks import InputError

#: Width of the finest branch in the published networks.
WIDTHS = (18, 32, 48)

#: The coarsest branch is at 1/32 of the image, so that heights and widths are multiples of this.
MULTIPLE = 32

#: Width of the two stem convolutions and of the inner convolutions of the first stage.
STEM_WIDTH = 64

#: Exchange blocks of the stages with two, three and four branches.
STAGE_BLOCKS = (1, 4, 3)

#: Residual units in the first stage, and in each branch of an exchange block.
UNITS = 4


class HRNet(nn.Module):
    """The HRNet trunk without its classifier.

    A stem halves the image twice; four stages then work on one, two, three and four branches, each at half the
    resolution and twice the width of the one before, which exchange what they found after every block. Output *i*
    has ``width * 2**i`` channels at 1/(4 * 2^i) of the image.

    Args:
        width: channels of the finest branch: 18, 32 and 48 are published.
        in_channels: number of image channels.
        all_scales: whether all four branches are put out. Without it, only the finest is, and the last exchange has
            no layers towards the coarser ones (769,984 parameters at width 32), which nothing would train.

    Raises:
        InputError: a number is not positive.

    Example:
        >>> HRNet(18).eval()(torch.zeros(1, 3, 64, 96))[0].shape
        torch.Size([1, 18, 16, 24])
    """

    def __init__(self, width: int, in_channels: int = 3, all_scales: bool = False) -> None:
        super().__init__()
        if min(width, in_channels) < 1:
            raise InputError(
                f"An HRNet needs a positive width and at least one channel, not width {width} with {in_channels}."
            )
        self.in_channels = in_channels
        widths = [width * 2**branch for branch in range(4)]
        self.conv1 = _conv(in_channels, STEM_WIDTH, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(STEM_WIDTH)
        self.conv2 = _conv(STEM_WIDTH, STEM_WIDTH, 3, stride=2)
        self.bn2 = nn.BatchNorm2d(STEM_WIDTH)
        self.relu = nn.ReLU(inplace=True)
        first = 4 * STEM_WIDTH
        self.layer1 = nn.Sequential(
            BottleneckUnit(STEM_WIDTH, STEM_WIDTH), *(BottleneckUnit(first, STEM_WIDTH) for _ in range(UNITS - 1))
        )
        self.transition1 = nn.ModuleList(
            [_conv_norm_relu(first, widths[0]), nn.Sequential(_conv_norm_relu(first, widths[1], stride=2))]
        )
        self.stage2 = _stage(widths[:2], STAGE_BLOCKS[0])
        self.transition2 = _new_branch(widths[:3])
        self.stage3 = _stage(widths[:3], STAGE_BLOCKS[1])
        self.transition3 = _new_branch(widths[:4])
        self.stage4 = _stage(widths, STAGE_BLOCKS[2], last_outputs=4 if all_scales else 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, C, H, W) images, H and W multiples of 32, to one or four feature maps, finest first.

        Raises:
            InputError: the images have another number of channels or another size.
        """
        if image.ndim != 4 or image.shape[1] != self.in_channels or any(n % MULTIPLE for n in image.shape[2:]):
            raise InputError(
                f"HRNet takes images (B, {self.in_channels}, H, W) with H and W multiples of {MULTIPLE}, "
                f"not {tuple(image.shape)}."
            )
        x = self.relu(self.bn1(self.conv1(image)))
        x = self.layer1(self.relu(self.bn2(self.conv2(x))))
        branches = self.stage2([transition(x) for transition in self.transition1])
        branches = self.stage3([*branches, self.transition2[-1](branches[-1])])
        return self.stage4([*branches, self.transition3[-1](branches[-1])])


class BasicUnit(nn.Module):
    """Residual unit of two 3x3 convolutions, (B, C, H, W) to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels, 3)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(inner)) + x)


class BottleneckUnit(nn.Module):
    """Residual unit of 1x1, 3x3 and 1x1 convolutions, (B, C, H, W) to (B, 4 * inner, H, W)."""

    def __init__(self, in_channels: int, inner_channels: int) -> None:
        super().__init__()
        out_channels = 4 * inner_channels
        self.conv1 = _conv(in_channels, inner_channels, 1)
        self.bn1 = nn.BatchNorm2d(inner_channels)
        self.conv2 = _conv(inner_channels, inner_channels, 3)
        self.bn2 = nn.BatchNorm2d(inner_channels)
        self.conv3 = _conv(inner_channels, out_channels, 1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.downsample = nn.Sequential(_conv(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        return self.relu(self.bn3(self.conv3(inner)) + self.downsample(x))


class ExchangeBlock(nn.Module):
    """Residual units in each branch, then for each output the sum of all branches brought to its resolution.

    Args:
        widths: channels of the branches, finest first.
        num_outputs: how many branches are put out, counted from the finest.
    """

    def __init__(self, widths: list[int], num_outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicUnit(width) for _ in range(UNITS))) for width in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_exchange(widths, source, target) for source in range(len(widths)))
            for target in range(num_outputs)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, branches: list[torch.Tensor]) -> list[torch.Tensor]:
        branches = [layers(x) for layers, x in zip(self.branches, branches, strict=True)]
        outputs = []
        for layers in self.fuse_layers:
            total, *others = (layer(x) for layer, x in zip(layers, branches, strict=True))
            for other in others:
                total = total + other
            outputs.append(self.relu(total))
        return outputs


def _exchange(widths: list[int], source: int, target: int) -> nn.Module:
    """The layers from one branch to another: strided convolutions downwards, nearest neighbours upwards."""
    if source == target:
        return nn.Identity()
    inside, outside = widths[source], widths[target]
    if source > target:
        enlarge = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return nn.Sequential(_conv(inside, outside, 1), nn.BatchNorm2d(outside), enlarge)
    steps = [_conv_norm_relu(inside, inside, stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, nn.Sequential(_conv(inside, outside, 3, stride=2), nn.BatchNorm2d(outside)))


def _new_branch(widths: list[int]) -> nn.ModuleList:
    """The transition that adds the last of these branches; those that exist already stay as they are."""
    kept = (nn.Identity() for _ in widths[:-1])
    return nn.ModuleList([*kept, nn.Sequential(_conv_norm_relu(widths[-2], widths[-1], stride=2))])


def _stage(widths: list[int], num_blocks: int, last_outputs: int | None = None) -> nn.Sequential:
    outputs = [len(widths)] * (num_blocks - 1) + [last_outputs or len(widths)]
    return nn.Sequential(*(ExchangeBlock(widths, num_outputs) for num_outputs in outputs))


def _conv(in_channels: int, out_channels: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, size, stride=stride, padding=size // 2, bias=False)


def _conv_norm_relu(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    conv = _conv(in_channels, out_channels, 3, stride)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))
