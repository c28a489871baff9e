"""Random spots: dust and reflections on the lens, bleedings and exudates in the tissue."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from monai.config import KeysCollection

from .rand_image import RandImage, RandImaged, unit_range

#: Most spots of an image; their number is uniform from 0.
MOST = 6
#: Smallest and largest radius, as shares of the longer side of the image; uniform in the logarithm.
SMALLEST, LARGEST = 0.006, 0.09
#: A spot is longer than wide by up to this factor.
LONGEST = 2.0
#: From a Gaussian spot (1) to one of nearly even light with a rim (4): the power of the exponent.
SHARPEST = 4.0
#: A spot is drawn to this many radii; there a Gaussian is at 0.03 % of its middle.
REACH = 4.0


@dataclass(frozen=True)
class Spot:
    """One spot: middle (x, y) and radius as shares of the longer side, form, and change of each channel.

    Attributes:
        length: of its longer radius by the geometric mean of both.
        turn: of its longer axis from x, radians.
        power: of the exponent, 1 for a Gaussian.
        change: of light in the middle, for each channel, as a share of the image's range.
    """

    x: float
    y: float
    radius: float
    length: float
    turn: float
    power: float
    change: tuple[float, ...]


class RandSpots(RandImage):
    """Adds or takes light in up to six small places, so that a network does not take any spot for a landmark.

    With u and v the distances from the middle along the axes of a spot, in its radii, the change of light is
    ``c exp(-((u^2 + v^2) / 2)^p)``, then cut off at the image's extremes.

    Args:
        spots: largest change of light s, as a share of the image's range. The change of a spot is uniform in [-s, s],
            and each channel takes 40 to 100 % of it.

    Raises:
        ValueError: the share is negative.
    """

    def __init__(self, spots: float) -> None:
        if spots < 0:
            raise ValueError(f"The strength of spots is a share of light, 0 or more, not {spots}.")
        self.spots = spots
        self._drawn: list[Spot] = []

    def randomize(self, data: int) -> None:
        """Draws number, places, forms and colours for ``data`` channels; for these always the same count of numbers."""
        number = int(self.R.randint(MOST + 1))
        draws = self.R.uniform(size=(MOST, 7 + data))
        self._drawn = [self._spot(*draw) for draw in draws[:number].tolist()]

    def _spot(
        self, x: float, y: float, size: float, length: float, turn: float, power: float, light: float, *channels: float
    ) -> Spot:
        change = self.spots * (2 * light - 1)
        return Spot(
            x=x,
            y=y,
            radius=SMALLEST * (LARGEST / SMALLEST) ** size,
            length=math.sqrt(LONGEST) ** length,
            turn=math.pi * turn,
            power=1 + (SHARPEST - 1) * power,
            change=tuple(change * (0.4 + 0.6 * share) for share in channels),
        )

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Maps (C, H, W) to float32 of the same shape."""
        unit, low, reach = unit_range(image)
        if randomize:
            self.randomize(len(unit))
        unit = unit.clone()
        for spot in self._drawn:
            _draw(unit, spot)
        return low + reach * unit.clamp(0, 1)


def _draw(unit: torch.Tensor, spot: Spot) -> None:
    """Adds a spot to an image (C, H, W), in place and near it alone; its middle is uniform over the image."""
    height, width = unit.shape[1:]
    side = max(height, width)
    radius, x, y = spot.radius * side, spot.x * width - 0.5, spot.y * height - 0.5
    near = math.ceil(REACH * radius * spot.length)
    left, top = max(0, round(x) - near), max(0, round(y) - near)
    right, bottom = min(width, round(x) + near + 1), min(height, round(y) + near + 1)
    dx = torch.arange(left, right, device=unit.device, dtype=torch.float32) - x
    dy = torch.arange(top, bottom, device=unit.device, dtype=torch.float32)[:, None] - y
    u = (dx * math.cos(spot.turn) + dy * math.sin(spot.turn)) / (radius * spot.length)
    v = (dy * math.cos(spot.turn) - dx * math.sin(spot.turn)) * spot.length / radius
    light = torch.exp(-(((u**2 + v**2) / 2) ** spot.power))
    unit[:, top:bottom, left:right] += torch.tensor(spot.change, device=unit.device)[:, None, None] * light


class RandSpotsd(RandImaged):
    """Dictionary version of :class:`RandSpots`."""

    def __init__(self, keys: KeysCollection, spots: float, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, RandSpots(spots), allow_missing_keys)
