"""Uncertainty read off the heatmaps of one forward pass.

Shapes: B images, K landmarks, (h, w) cells of a heatmap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import ellipe

from monai_ext.inferers import Predictions, map_radius, probabilities
from monai_ext.models import RadiusUnit
from monai_ext.transforms import decode_heatmap

from .measure import MeasureUnit


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


def normalized_entropy(heatmaps: torch.Tensor) -> torch.Tensor:
    """(B, K) entropy of the maps over that of a uniform one: 0 for one cell, 1 for a map that says nothing."""
    cells = heatmaps.shape[2] * heatmaps.shape[3]
    if cells == 1:
        return torch.zeros(heatmaps.shape[:2], device=heatmaps.device)
    return (torch.special.entr(probabilities(heatmaps)).sum((2, 3)) / math.log(cells)).clamp(0, 1)


def point_covariance(predictions: Predictions, unit: RadiusUnit = "px") -> torch.Tensor:
    """(B, K, 2, 2) covariance of the Gaussian fitted to each peak, order (x, y), float64.

    Args:
        predictions: of B images.
        unit: px for squared pixels of the ORIGINAL image, mm for squared millimetres on it.

    Raises:
        InputError: millimetres of an image without calibration.
    """
    fitted = decode_heatmap(predictions.heatmaps, "gaussian_fit", predictions.radius).covariance
    assert fitted is not None
    steps = predictions.lengths(unit)[..., None] * predictions.linear
    return steps @ fitted.double() @ steps.mT


@dataclass(frozen=True)
class PeakHeight:
    """Distance of the highest cell below the height that a sure network draws: 0 at 1 and above, 1 at 0 and below."""

    name = "peak"
    unit: ClassVar[MeasureUnit] = "1"
    source = None

    def compute(self, predictions: Predictions) -> torch.Tensor:
        """(B, K)."""
        height = predictions.heatmaps.float().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).amax((2, 3))
        return 1 - height.clamp(0, 1)


@dataclass(frozen=True)
class Entropy:
    """Entropy of the heatmap, normalised to 0 to 1."""

    name = "entropy"
    unit: ClassVar[MeasureUnit] = "1"
    source = None

    def compute(self, predictions: Predictions) -> torch.Tensor:
        """(B, K)."""
        return normalized_entropy(predictions.heatmaps)


@dataclass(frozen=True)
class PeakRadius:
    """Expected radial error of a point scattered as the Gaussian that fits the peak; other peaks do not count."""

    unit: RadiusUnit = "px"
    name = "peak_radius"
    source = None

    def compute(self, predictions: Predictions) -> torch.Tensor:
        """(B, K)."""
        return mean_radius(point_covariance(predictions, self.unit))


@dataclass(frozen=True)
class MapRadius:
    """Expected radial error of a point scattered as the whole heatmap; see :func:`map_radius`."""

    unit: RadiusUnit = "px"
    name = "map_radius"
    source = None

    def compute(self, predictions: Predictions) -> torch.Tensor:
        """(B, K)."""
        return map_radius(predictions, self.unit)
