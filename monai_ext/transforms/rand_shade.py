"""Random uneven light: darker to one side, and darker towards the rim."""

from __future__ import annotations

import math

import torch
from monai.config import KeysCollection

from .rand_image import RandImage, RandImaged, unit_places, unit_range


class RandShade(RandImage):
    """Multiplies an image by a slope and a bowl of light, above its lowest value: black stays black.

    With x and y from -1 to 1 over the image, the factor is ``(1 - a s) (1 - b (x^2 + y^2) / 2)`` with the slope
    ``s = (1 + x cos t + y sin t) / 2``, cut off at 0 and 1.

    Args:
        shade: largest loss of light s at the dark side, and again in the corners; a and b are uniform in [0, s], and
            the direction t is uniform.

    Raises:
        ValueError: the range is not in [0, 1).
    """

    def __init__(self, shade: float) -> None:
        if not 0 <= shade < 1:
            raise ValueError(f"A shade is in [0, 1), not {shade}.")
        self.shade = shade
        self._slope, self._bowl, self._direction = 0.0, 0.0, 0.0

    def randomize(self, data: object = None) -> None:
        """Draws a slope, a bowl and a direction."""
        slope, bowl, turn = self.R.uniform(size=3)
        self._slope, self._bowl, self._direction = self.shade * slope, self.shade * bowl, 2 * math.pi * turn

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Maps (C, H, W) to float32 of the same shape."""
        if randomize:
            self.randomize()
        unit, low, reach = unit_range(image)
        x, y = unit_places(unit)
        along = (1 + x * math.cos(self._direction) + y * math.sin(self._direction)) / 2
        light = (1 - self._slope * along.clamp(0, 1)) * (1 - self._bowl * (x**2 + y**2) / 2)
        return low + reach * unit * light


class RandShaded(RandImaged):
    """Dictionary version of :class:`RandShade`."""

    def __init__(self, keys: KeysCollection, shade: float, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, RandShade(shade), allow_missing_keys)
