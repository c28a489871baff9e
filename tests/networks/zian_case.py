"""Small networks for the tests of ZIAN."""

from __future__ import annotations

import torch
from torch import nn

from monai_ext.losses import LandmarkLoss, MaskedMSELoss
from monai_ext.networks import ZIAN, Stage, ZianConfig
from monai_ext.transforms import Decoded, decode_heatmap

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
    return ZianConfig(row=row, **{"roi_sizes": (32, 64), "presence": False, **options})


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


def zian_loss(weights: tuple[float, float, float] = (1.0, 0.25, 1.0), sigma: float = 2.0) -> LandmarkLoss:
    """Of the coarse, region and fine heatmaps; by default with the weights of the paper's equation 2."""
    return LandmarkLoss(MaskedMSELoss(sigma), weights=dict(zip(("coarse", "roi", "fine"), weights, strict=True)))


def read_off(stage: Stage, method: str = "gaussian_fit") -> Decoded:
    """The peaks of a stage in pixels of the image, seen through a window of 2.5 sigmas of the target."""
    decoded = decode_heatmap(stage.heatmaps, method, 5)
    covariance = None if decoded.covariance is None else decoded.covariance * stage.frame.scale**2
    return decoded._replace(points=stage.frame.to_image(decoded.points), covariance=covariance)
