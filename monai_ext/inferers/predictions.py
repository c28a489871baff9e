"""All that a measure of uncertainty may look at: what models found in a batch of images, and how they found it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

import torch

from monai_ext.landmarks import InputError
from monai_ext.landmarks.geometry import Unit

#: What makes several answers for one image: the image changed and changed back, a network that drops units at random,
#: or several networks.
Source = Literal["augmentation", "dropout", "ensemble"]
SOURCES: tuple[Source, ...] = get_args(Source)


class Predictions(NamedTuple):
    """What was found in B images of K landmarks.

    Attributes:
        points: (B, K, 2) pixels (x, y) of the original images, float64.
        status: (B, K) codes of Status, defined or missing.
        heatmaps: (B, K, h, w) of the answering stage, of amplitude 1 where the network is sure.
        cells: (B, K, 2) the points in cells of their heatmaps.
        linear: (B, K, 2, 2) how a step in cells becomes a step in pixels of the original image, float64.
        radius: half the side of the window in cells that a peak is fitted in.
        pixel_length: (B, 2) length of an original pixel along (x, y) in millimetres; 1 where not calibrated.
        calibrated: (B,) whether those are millimetres.
        presence: (B, K) probability of the landmark being in the image, or None where the network does not tell.
        first: (B, K, 2) points of the first stage in original pixels, or None where there is one stage.
        samples: (S, B, K, 2) points in original pixels that S passes found, by what made them differ.
        features: (B, F) of the encoder, or None where they were not asked for.
    """

    points: torch.Tensor
    status: torch.Tensor
    heatmaps: torch.Tensor
    cells: torch.Tensor
    linear: torch.Tensor
    radius: int
    pixel_length: torch.Tensor
    calibrated: torch.Tensor
    presence: torch.Tensor | None = None
    first: torch.Tensor | None = None
    samples: Mapping[Source, torch.Tensor] = {}
    features: torch.Tensor | None = None

    def lengths(self, unit: Unit) -> torch.Tensor:
        """(B, 1, 2) what a step in (x, y) of original pixels is multiplied by to be in the unit.

        Raises:
            InputError: millimetres of an image without calibration.
        """
        if unit == "px":
            return torch.ones_like(self.pixel_length)[:, None]
        if not bool(self.calibrated.all()):
            raise InputError(
                "An uncertainty in mm needs images of known pixel size, and one of these has none: ask for px."
            )
        return self.pixel_length[:, None]
