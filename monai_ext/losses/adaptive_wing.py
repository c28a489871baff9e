"""Adaptive Wing loss of heatmaps, masked by status."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.transforms import Sigma

from .heatmap_loss import HeatmapLoss, mean_over_maps, register_loss, without_uncounted

#: Constants of the paper, section 4.2.
ALPHA, OMEGA, EPSILON, THETA = 2.1, 14.0, 1.0, 0.5

#: The weighted map of the paper, section 4.3: pixels whose dilated target reaches the level weigh 1 + WEIGHT.
FOREGROUND_LEVEL, FOREGROUND_WEIGHT = 0.2, 10.0


def adaptive_wing(
    prediction: torch.Tensor,
    target: torch.Tensor,
    status: torch.Tensor,
    alpha: float = ALPHA,
    omega: float = OMEGA,
    epsilon: float = EPSILON,
    theta: float = THETA,
    weighted: bool = False,
) -> torch.Tensor:
    """Adaptive Wing loss (Wang et al., ICCV 2019, equation 3), mean over the pixels of the maps that count.

    With d the absolute difference and p = alpha - target: ``omega * ln(1 + (d / epsilon)^p)`` below theta, and its
    linear continuation ``A * d - C`` from there.

    Args:
        prediction: (B, K, H, W).
        target: (B, K, H, W) in [0, 1]; all zero where the landmark is missing.
        status: (B, K) codes of Status; undefined landmarks do not count.
        alpha: above 1 + the largest target, exponent on the background.
        omega: scale.
        epsilon: width of the logarithmic part.
        theta: where the linear part begins.
        weighted: weigh the pixels about the landmark by 11 (the paper's weighted loss map) instead of 1.
    """
    counts = status >= 0
    difference = (target - without_uncounted(prediction, counts)).abs()
    power = alpha - target
    edge = torch.exp(power * math.log(theta / epsilon))  # (theta / epsilon) ** power
    slope = omega * power * edge / (theta * (1 + edge))
    offset = theta * slope - omega * torch.log1p(edge)
    # Held below theta inside the power, so that the branch not taken has a finite gradient too.
    near = omega * torch.log1p((difference.clamp(max=theta) / epsilon) ** power)
    loss = torch.where(difference < theta, near, slope * difference - offset)
    if weighted:
        foreground = F.max_pool2d(target, 3, stride=1, padding=1) >= FOREGROUND_LEVEL
        loss = loss * (1 + FOREGROUND_WEIGHT * foreground)
    return mean_over_maps(loss, counts)


@register_loss("adaptive_wing")
class AdaptiveWingLoss(HeatmapLoss):
    """Adaptive Wing loss against Gaussians of amplitude 1; see :func:`adaptive_wing`.

    Args:
        sigma: of the target, heatmap pixels.
        alpha: see :func:`adaptive_wing`; above 2.
        omega: see :func:`adaptive_wing`.
        epsilon: see :func:`adaptive_wing`.
        theta: see :func:`adaptive_wing`.
        weighted: weigh the pixels about the landmark more.

    Raises:
        InputError: a constant out of its range.
    """

    presence_weight: ClassVar[float] = 1e-3

    def __init__(
        self,
        sigma: Sigma = 2.0,
        alpha: float = ALPHA,
        omega: float = OMEGA,
        epsilon: float = EPSILON,
        theta: float = THETA,
        weighted: bool = False,
    ) -> None:
        super().__init__(sigma)
        if alpha <= 2 or min(omega, epsilon, theta) <= 0:
            raise InputError(
                "Adaptive Wing needs an alpha above 2 and positive omega, epsilon and theta, "
                f"not {alpha}, {omega}, {epsilon} and {theta}."
            )
        self.constants = {"alpha": alpha, "omega": omega, "epsilon": epsilon, "theta": theta}
        self.weighted = weighted

    def compare(self, prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        return adaptive_wing(prediction, target, status, weighted=self.weighted, **self.constants)
