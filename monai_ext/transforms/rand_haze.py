"""Random haze: light that creeps in from one side, as over a pupil that is not met in its middle."""

from __future__ import annotations

import math

import torch
from monai.config import KeysCollection

from .rand_image import RandImage, RandImaged, unit_places, unit_range

#: Where haze begins, from the middle of the image (0) to its side (1).
NEAREST, FARTHEST = 0.1, 0.9


class RandHaze(RandImage):
    """Adds white light that grows from a straight line towards one side of the image.

    With x and y from -1 to 1 over the image and the direction t, the light is ``a ((x cos t + y sin t - b) / (1 - b))``
    where that is positive, in units of the image's range. Half of the images stay clear.

    Args:
        haze: most light a at the side, as a share of the image's range; uniform in [0, haze]. The line b is uniform in
            [0.1, 0.9], the direction t uniform.

    Raises:
        ValueError: the share is negative.
    """

    def __init__(self, haze: float) -> None:
        if haze < 0:
            raise ValueError(f"Haze is a share of light, 0 or more, not {haze}.")
        self.haze = haze
        self._light, self._line, self._direction = 0.0, NEAREST, 0.0

    def randomize(self, data: object = None) -> None:
        """Draws strength, line and direction; always the same count of numbers."""
        clear, light, line, turn = self.R.uniform(size=4)
        self._light = 0.0 if clear < 0.5 else self.haze * light
        self._line, self._direction = NEAREST + (FARTHEST - NEAREST) * line, 2 * math.pi * turn

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Maps (C, H, W) to float32 of the same shape."""
        if randomize:
            self.randomize()
        unit, low, reach = unit_range(image)
        x, y = unit_places(unit)
        side = x * math.cos(self._direction) + y * math.sin(self._direction)
        return low + reach * (unit + self._light * ((side - self._line) / (1 - self._line)).clamp(min=0))


class RandHazed(RandImaged):
    """Dictionary version of :class:`RandHaze`."""

    def __init__(self, keys: KeysCollection, haze: float, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, RandHaze(haze), allow_missing_keys)
