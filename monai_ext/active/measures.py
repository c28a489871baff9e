"""Measures of uncertainty: read off the heatmaps of one pass, or the disagreement of several; and their names.

Shapes: S answers, B images, K landmarks, (h, w) cells of a heatmap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import ellipe
from torch import nn

from monai_ext.inferers import Predictions, Source, map_radius, probabilities
from monai_ext.landmarks import InputError, Protocol
from monai_ext.models import RadiusUnit
from monai_ext.transforms import decode_heatmap

from .measure import MeasureUnit, UncertaintyMeasure
from .observer import dropout_layers, views_of


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


def scatter(samples: torch.Tensor) -> torch.Tensor:
    """(B, K) root of the mean squared distance of points (S, B, K, 2) from their mean."""
    return (samples - samples.mean(0)).square().sum(-1).mean(0).sqrt()


@dataclass(frozen=True)
class Disagreement:
    """Spread of the points that several passes found, as their root mean squared distance from their mean.

    Args:
        source: what makes the passes differ.
        unit: px of the original images, or mm.
    """

    source: Source
    unit: RadiusUnit = "px"

    @property
    def name(self) -> str:
        """Name of the source."""
        return self.source

    def compute(self, predictions: Predictions) -> torch.Tensor:
        """(B, K).

        Raises:
            InputError: there are not at least two passes, or millimetres are requested without calibration.
        """
        samples = predictions.samples.get(self.source)
        if samples is None or len(samples) < 2:
            number = 0 if samples is None else len(samples)
            raise InputError(f"Disagreement by {self.source} needs at least two passes over an image, not {number}.")
        return scatter(samples * predictions.lengths(self.unit))


@dataclass(frozen=True)
class StageDistance:
    """Distance of the last stage's point from that of the first stage of a network, e.g. the coarse one."""

    unit: RadiusUnit = "px"
    name = "stages"
    source = None

    def compute(self, predictions: Predictions) -> torch.Tensor:
        """(B, K).

        Raises:
            InputError: the network has one stage, or millimetres are requested without calibration.
        """
        if predictions.first is None:
            raise InputError("The distance between stages needs a network of several; this one has one.")
        moved = (predictions.points - predictions.first) * predictions.lengths(self.unit)
        return torch.linalg.vector_norm(moved, dim=-1)


#: What makes a measure, given the unit of lengths.
MEASURES: Mapping[str, Callable[[RadiusUnit], UncertaintyMeasure]] = {
    "peak": lambda unit: PeakHeight(),
    "entropy": lambda unit: Entropy(),
    "peak_radius": PeakRadius,
    "map_radius": MapRadius,
    "stages": StageDistance,
    "augmentation": lambda unit: Disagreement("augmentation", unit),
    "dropout": lambda unit: Disagreement("dropout", unit),
    "ensemble": lambda unit: Disagreement("ensemble", unit),
}


def why_not(name: str, protocol: Protocol, network: nn.Module, models: int = 1) -> str | None:
    """The lack of a model, or of several of a kind, for a measure, as the end of a sentence; None if it has it."""
    if name == "stages" and not protocol.network.has_stages:
        return "its network has one stage"
    if name == "augmentation" and len(views_of(protocol)) < 2:
        return "its recipe trains without flips, rotations and scales"
    if name == "dropout" and not dropout_layers(network):
        return "its network has no dropout layer"
    if name == "ensemble" and models < 2:
        return "there is one model"
    return None


def available_measures(protocol: Protocol, network: nn.Module, models: int = 1) -> tuple[str, ...]:
    """The names of the measures that a model can have, or several of a kind."""
    return tuple(name for name in MEASURES if why_not(name, protocol, network, models) is None)


def find_measure(
    name: str, protocol: Protocol, network: nn.Module, models: int = 1, unit: RadiusUnit = "px"
) -> UncertaintyMeasure:
    """The measure of a name.

    Args:
        name: one of :data:`MEASURES`.
        protocol: of the model.
        network: of the model.
        models: how many there are.
        unit: of lengths.

    Raises:
        InputError: there is no such measure, or the models cannot have it.
    """
    if name not in MEASURES:
        raise InputError(f"There is no measure of uncertainty {name!r}: use one of {', '.join(MEASURES)}.")
    reason = why_not(name, protocol, network, models)
    if reason is not None:
        can = ", ".join(available_measures(protocol, network, models))
        raise InputError(
            f"The model of {protocol.name} cannot have the measure {name!r}, as {reason}: use one of {can}."
        )
    return MEASURES[name](unit)
