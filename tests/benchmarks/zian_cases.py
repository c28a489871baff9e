"""The networks that bench_zian.py times, with heads fitted to its image so that their peaks mean something."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

import torch
from timm.models.resnet import BasicBlock, Bottleneck
from torch import nn
from written_out_attention import write_out

from monai_ext.networks import ZIAN, ZianConfig
from monai_ext.networks.backbones import build_backbone
from monai_ext.networks.blocks import HeatmapHead
from monai_ext.transforms.heatmap import gaussian_heatmap

#: Damping of the least squares, as a share of the features' mean square.
RIDGE = 1e-3

#: Gain of the last norm of a residual unit.
RESIDUAL_GAIN = 0.1


@dataclass(frozen=True)
class Case:
    """One network to time."""

    row: str
    written_out: bool = False
    share_backbone: bool = False
    fusion_stride: int = 1


CASES = {
    "HRNet alone": Case("base"),
    "ZIAN, attention written out": Case("zian", written_out=True),
    "ZIAN, exact": Case("zian"),
    "ZIAN, fast": Case("zian", share_backbone=True, fusion_stride=4),
}


def build(case: Case, args: argparse.Namespace) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """The network, and what it is to be called with: an image, and no centres for a ZIAN, which finds its own."""
    torch.manual_seed(0)
    if case.row == "base":
        config = ZianConfig(row="base", presence=False)
    else:
        options = {"share_backbone": case.share_backbone, "fusion_stride": case.fusion_stride}
        config = ZianConfig(row=case.row, roi_sizes=(args.roi, 2 * args.roi), presence=False, **options)
    network = ZIAN(lambda: build_backbone(args.backbone, 3), args.landmarks, config)
    network = network.to(args.device, memory_format=torch.channels_last)
    image, points = image_and_points(args)
    calibrate(network, image)
    fit_heads(network.eval(), image, points)
    arguments = (image, torch.full_like(points, torch.nan)) if config.regions else (image,)
    if case.written_out:
        write_out(network)
    return network, arguments


def image_and_points(args: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, 3, size, size) noise with a bright spot at each of (B, K, 2) points."""
    generator = torch.Generator().manual_seed(1)
    points = (0.3 + 0.4 * torch.rand(args.batch, args.landmarks, 2, generator=generator)) * args.size
    spots = gaussian_heatmap(points, (args.size, args.size), 12.0).amax(1, keepdim=True)
    noise = torch.rand(args.batch, 3, args.size, args.size, generator=generator)
    return (0.3 * noise + 0.7 * spots).to(args.device), points.to(args.device)


def calibrate(network: nn.Module, image: torch.Tensor) -> None:
    """Takes the statistics of all norms from an image, without which a new HRNet's features are of the order of 1e7.

    Residual units are begun near the identity: random ones, a hundred in a row, make noise of rounding.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
        if isinstance(module, BasicBlock):
            nn.init.constant_(module.bn2.weight, RESIDUAL_GAIN)
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.weight, RESIDUAL_GAIN)
    with torch.no_grad():
        network.train()(image)


@torch.no_grad()
def fit_heads(network: ZIAN, image: torch.Tensor, points: torch.Tensor) -> None:
    """Gives every head, by damped least squares, the weights that draw its targets best from its features."""
    seen: dict[HeatmapHead, list[torch.Tensor]] = {}

    def spy(plain: Callable) -> Callable:
        def convolve(head: HeatmapHead, features: torch.Tensor, groups: int) -> torch.Tensor:
            seen.setdefault(head, []).append(features.float())
            return plain(head, features, groups)

        return convolve

    with mock.patch.object(HeatmapHead, "_convolve", spy(HeatmapHead._convolve)):
        output = network(image, points)
    stages = {stage.name: stage for stage in output.stages}
    for head, maps in seen.items():
        name = "coarse" if head is network.coarse_head else "roi" if head in network.roi_heads else "fine"
        stage = stages[name]
        size_hw = tuple(stage.heatmaps.shape[2:])
        targets = gaussian_heatmap(stage.frame.from_image(points), size_hw, network.config.sigma).repeat(
            len(maps), 1, 1, 1
        )
        features = torch.cat(maps).unflatten(1, (-1, head.conv.in_channels))
        for k in range(network.num_landmarks):
            own = features[:, k if features.shape[1] > 1 else 0].movedim(1, -1).flatten(0, -2).double()
            _fit(head.conv, k, own, targets[:, k].flatten().double())


def _fit(conv: nn.Conv2d, k: int, features: torch.Tensor, target: torch.Tensor) -> None:
    channels = features.shape[1]
    if conv.bias is not None:
        features = torch.cat([features, torch.ones_like(features[:, :1])], 1)
    gram = features.T @ features
    damping = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    weights = torch.linalg.solve(gram + damping, features.T @ target).float()
    conv.weight[k] = weights[:channels, None, None]
    if conv.bias is not None:
        conv.bias[k] = weights[-1]
