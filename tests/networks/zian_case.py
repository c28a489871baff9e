"""Small networks for the tests of ZIAN."""

from __future__ import annotations

import torch
from torch import nn

from monai_ext.networks.zian import ZIAN, ZianConfig

#: Every row, and every option, by what a person would call it.
VARIANTS: dict[str, tuple[str, dict]] = {
    "base": ("base", {}),
    "1roi": ("1roi", {}),
    "1roi+sa": ("1roi+sa", {}),
    "mr+sa": ("mr+sa", {}),
    "zian": ("zian", {}),
    "weight": ("zian", {"weight": True}),
    "weight and gate": ("zian", {"weight": True, "gate": True, "shared_roi_head": False}),
    "gate": ("zian", {"gate": True}),
    "own roi heads": ("mr+sa", {"shared_roi_head": False}),
    "shared roi backbone": ("zian", {"share_roi_backbone": True}),
    "shared backbone": ("zian", {"share_backbone": True, "fusion_stride": 4}),
    "stride 2": ("zian", {"fusion_stride": 2}),
    "second look": ("zian", {"second_look": True, "share_backbone": True}),
    "second look alone": ("base", {"second_look": True}),
}


def config_of(row: str, **options) -> ZianConfig:
    """The row with regions of 32 and 64 pixels."""
    sizes = {"base": (), "1roi": (32,), "1roi+sa": (32,)}.get(row, (32, 64))
    return ZianConfig.row(row, **{"roi_sizes": sizes, **options})


def backbone() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 16, 3, padding=1, padding_mode="replicate", bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, padding_mode="replicate"),
    )


def network_of(variant: str, num_landmarks: int = 1) -> ZIAN:
    torch.manual_seed(11)
    row, options = VARIANTS[variant]
    return ZIAN(backbone, num_landmarks, config_of(row, **options))


def image_of(height: int = 96, width: int = 128, batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 2, height, width, generator=torch.Generator().manual_seed(7))
