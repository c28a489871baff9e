"""The mean distance from its centre of a point that is scattered as a two-dimensional Gaussian."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import ellipe


def axes_of(covariance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Standard deviations (...) along the long and the short axis of covariances (..., 2, 2)."""
    xx, xy, yy = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    middle, half = (xx + yy) / 2, torch.hypot((xx - yy) / 2, xy)
    return (middle + half).clamp(min=0).sqrt(), (middle - half).clamp(min=0).sqrt()


def mean_radius(covariance: torch.Tensor) -> torch.Tensor:
    """(...) the expected length of a vector of mean zero and covariance (..., 2, 2).

    ``E|z| = a sqrt(2 / pi) E(1 - b^2 / a^2)`` with the standard deviations a >= b along the axes and the complete
    elliptic integral of the second kind (Abramowitz and Stegun, 17.3). Of a round Gaussian it is ``a sqrt(pi / 2)``.

    Args:
        covariance: symmetric, positive semi-definite; any unit squared. Computed in float64.
    """
    long, short = axes_of(covariance.double())
    lost = 1 - (short / torch.where(long > 0, long, 1.0)).square()
    integral = torch.from_numpy(np.asarray(ellipe(lost.clamp(0, 1).cpu().numpy()))).to(long)
    return long * math.sqrt(2 / math.pi) * integral
