"""Uncertainty as the disagreement of several answers for the same landmark.

Shapes: S answers, B images, K landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from monai_ext.inferers import Predictions, Source
from monai_ext.landmarks import InputError
from monai_ext.models import RadiusUnit


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
