"""Small sources and detectors for the tests of cross-task distillation."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from monai_ext.losses import CrossTaskLoss, LandmarkLoss, MaskedMSELoss
from monai_ext.networks import DeconvNet
from monai_ext.networks.cross_task import SourceClassifier

#: Encoders of sources with different classifiers.
ARCHITECTURES = ("resnet18", "efficientnet-lite0", "face-resnet")


def source(seed: int = 0, classes: int = 5, in_channels: int = 3, architecture: str = "resnet18") -> SourceClassifier:
    """A classifier whose batch normalisations have statistics and scales of their own."""
    torch.manual_seed(seed)
    network = SourceClassifier(architecture, classes, in_channels=in_channels)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.0)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0.0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return network


def detector(of: SourceClassifier, landmarks: int = 3, seed: int = 1) -> DeconvNet:
    torch.manual_seed(seed)
    return DeconvNet(of.in_channels, landmarks, of.architecture, source=of)


def batch(landmarks: int = 3, size_hw: tuple[int, int] = (64, 64), seed: int = 2) -> tuple[torch.Tensor, ...]:
    """Images, points in their pixels and status, all defined."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(2, 3, *size_hw, generator=generator)
    points = torch.rand(2, landmarks, 2, generator=generator) * (min(size_hw) - 4)
    return image, points, torch.ones(2, landmarks, dtype=torch.int8)


def com_loss() -> CrossTaskLoss:
    return CrossTaskLoss(LandmarkLoss(MaskedMSELoss(1.5)), 0.5, 0.5)


def fingerprint(module: nn.Module) -> str:
    """SHA-256 of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
