"""Random changes of colour as between cameras: hue, saturation and the tone of each channel."""

from __future__ import annotations

import math

import numpy as np
import torch
from monai.config import KeysCollection

from monai_ext.landmarks.geometry import FloatArray

from .rand_image import RandImage, RandImaged, unit_range


def color_matrix(hue: float, saturation: float) -> FloatArray:
    """The (3, 3) map of red, green and blue that turns hues about grey and then stretches colours away from it.

    Args:
        hue: turn about the grey axis, radians (Rodrigues' rotation about (1, 1, 1)); a third of a turn makes red green.
        saturation: factor; 0 leaves the mean of the channels.
    """
    mean = np.full((3, 3), 1 / 3)
    across = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    turn = math.cos(hue) * np.eye(3) + (1 - math.cos(hue)) * mean + math.sin(hue) * across
    return np.asarray(saturation * turn + (1 - saturation) * mean)


class RandColor(RandImage):
    """Turns hues, stretches colours and bends the tone of each channel on its own; grey images are left alone.

    All of it is between the lowest and the highest value of the image, so that black stays black.

    Args:
        hue: largest turn, degrees.
        saturation: largest relative change s; the factor is uniform in [1 - s, 1 + s].
        channel_gamma: largest relative exponent g; each channel's is log-uniform in [1 / (1 + g), 1 + g].

    Raises:
        ValueError: a range is negative.
    """

    def __init__(self, hue: float = 0.0, saturation: float = 0.0, channel_gamma: float = 0.0) -> None:
        if min(hue, saturation, channel_gamma) < 0:
            raise ValueError(f"Ranges are not negative: {hue}, {saturation} and {channel_gamma}.")
        self.hue, self.saturation, self.channel_gamma = hue, saturation, channel_gamma
        self._matrix, self._exponents = np.eye(3), np.ones(3)

    def randomize(self, data: object = None) -> None:
        """Draws a colour map and three exponents."""
        hue, saturation, *exponents = self.R.uniform(-1, 1, 5)
        self._matrix = color_matrix(math.radians(self.hue * hue), 1 + self.saturation * saturation)
        self._exponents = (1 + self.channel_gamma) ** np.array(exponents)

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Maps (C, H, W) to float32 of the same shape."""
        if randomize:
            self.randomize()
        if len(image) != 3:
            return image
        unit, low, reach = unit_range(image)
        if self.hue or self.saturation:
            matrix = torch.as_tensor(self._matrix, dtype=unit.dtype, device=unit.device)
            unit = (matrix @ unit.flatten(1)).view_as(unit).clamp_(0, 1)
        if self.channel_gamma:
            unit = unit ** torch.as_tensor(self._exponents, dtype=unit.dtype, device=unit.device)[:, None, None]
        return low + reach * unit


class RandColord(RandImaged):
    """Dictionary version of :class:`RandColor`."""

    def __init__(
        self,
        keys: KeysCollection,
        hue: float = 0.0,
        saturation: float = 0.0,
        channel_gamma: float = 0.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandColor(hue, saturation, channel_gamma), allow_missing_keys)
