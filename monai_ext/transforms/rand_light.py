"""Random changes of light: shade, haze from one side, and spots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from .rand_image import RandImage, RandImaged, unit_range

#: Where haze begins, from the middle of the image (0) to its side (1).
NEAREST, FARTHEST = 0.1, 0.9

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


def _unit_places(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The places of an image (..., H, W) from -1 to 1: x of the shape (W,), y (H, 1)."""
    height, width = image.shape[-2:]
    x, y = (torch.from_numpy(np.linspace(-1, 1, side, dtype=np.float32)).to(image.device) for side in (width, height))
    return x, y[:, None]


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
            raise ValueError(f"A shade must be in [0, 1), not {shade}.")
        self.shade = shade
        self._slope, self._bowl, self._direction = 0.0, 0.0, 0.0

    def randomize(self, data: int = 0) -> None:
        slope, bowl, turn = self.R.uniform(size=3)
        self._slope, self._bowl, self._direction = self.shade * slope, self.shade * bowl, 2 * math.pi * turn

    def change(self, image: torch.Tensor) -> torch.Tensor:
        unit, low, reach = unit_range(image)
        x, y = _unit_places(unit)
        along = (1 + x * math.cos(self._direction) + y * math.sin(self._direction)) / 2
        light = (1 - self._slope * along.clamp(0, 1)) * (1 - self._bowl * (x**2 + y**2) / 2)
        return low + reach * unit * light


class RandShaded(RandImaged):
    """Dictionary version of :class:`RandShade`."""

    array = RandShade


class RandHaze(RandImage):
    """Adds white light that grows from a straight line towards one side, as over a pupil that is not met in its middle.

    With x and y from -1 to 1 over the image and the direction t, the light is ``a ((x cos t + y sin t - b) / (1 - b))``
    where that is positive, in units of the image's range, then cut off at its highest value, as a camera saturates.
    Half of the images stay clear.

    Args:
        haze: most light a at the side, as a share of the image's range; uniform in [0, haze]. The line b is uniform in
            [0.1, 0.9], the direction t uniform.

    Raises:
        ValueError: the share is negative.
    """

    def __init__(self, haze: float) -> None:
        if haze < 0:
            raise ValueError(f"Haze must be a share of light of 0 or more, not {haze}.")
        self.haze = haze
        self._light, self._line, self._direction = 0.0, NEAREST, 0.0

    def randomize(self, data: int = 0) -> None:
        clear, light, line, turn = self.R.uniform(size=4)
        self._light = 0.0 if clear < 0.5 else self.haze * light
        self._line, self._direction = NEAREST + (FARTHEST - NEAREST) * line, 2 * math.pi * turn

    def change_unit(self, unit: torch.Tensor) -> torch.Tensor:
        x, y = _unit_places(unit)
        side = x * math.cos(self._direction) + y * math.sin(self._direction)
        return (unit + self._light * ((side - self._line) / (1 - self._line)).clamp(min=0)).clamp(max=1)


class RandHazed(RandImaged):
    """Dictionary version of :class:`RandHaze`."""

    array = RandHaze


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
            raise ValueError(f"The strength of spots must be a share of light of 0 or more, not {spots}.")
        self.spots = spots
        self._drawn: list[Spot] = []

    def randomize(self, data: int) -> None:
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

    def change_unit(self, unit: torch.Tensor) -> torch.Tensor:
        unit = unit.clone()
        for spot in self._drawn:
            _draw(unit, spot)
        return unit.clamp(0, 1)


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

    array = RandSpots
