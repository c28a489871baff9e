"""Random changes as between cameras: colours, the tone of each channel, and resolution."""

from __future__ import annotations

import math

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import Transform
from torch.nn import functional as F
from torchvision.io import decode_jpeg, encode_jpeg

from monai_ext.landmarks import Augmentation, FloatArray

from .rand_image import RandImage, RandImaged, unit_range
from .rand_light import RandShaded


def rand_camera(augmentation: Augmentation, keys: KeysCollection = "image") -> list[Transform]:
    """The random changes of a protocol that are as between cameras, as MONAI dictionary transforms.

    They take values of any range, black being the lowest, and move no pixel; a range of 0 adds nothing.
    """
    steps: list[Transform] = []
    if augmentation.shade:
        steps.append(RandShaded(keys, augmentation.shade))
    if augmentation.hue or augmentation.saturation or augmentation.channel_gamma:
        steps.append(RandColord(keys, augmentation.hue, augmentation.saturation, augmentation.channel_gamma))
    if augmentation.resolution or augmentation.jpeg:
        steps.append(RandResolutiond(keys, augmentation.resolution, augmentation.jpeg))
    return steps


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
            raise ValueError(f"Ranges must not be negative: {hue}, {saturation} and {channel_gamma}.")
        self.hue, self.saturation, self.channel_gamma = hue, saturation, channel_gamma
        self._matrix, self._exponents = np.eye(3), np.ones(3)

    def randomize(self, data: int = 3) -> None:
        hue, saturation, *exponents = self.R.uniform(-1, 1, 5)
        self._matrix = color_matrix(math.radians(self.hue * hue), 1 + self.saturation * saturation)
        self._exponents = (1 + self.channel_gamma) ** np.array(exponents)

    def change(self, image: torch.Tensor) -> torch.Tensor:
        return super().change(image) if len(image) == 3 else image

    def change_unit(self, unit: torch.Tensor) -> torch.Tensor:
        if self.hue or self.saturation:
            matrix = torch.as_tensor(self._matrix, dtype=unit.dtype, device=unit.device)
            unit = (matrix @ unit.flatten(1)).view_as(unit).clamp_(0, 1)
        if self.channel_gamma:
            unit = unit ** torch.as_tensor(self._exponents, dtype=unit.dtype, device=unit.device)[:, None, None]
        return unit


class RandColord(RandImaged):
    """Dictionary version of :class:`RandColor`."""

    array = RandColor


class RandResolution(RandImage):
    """Draws an image with fewer pixels and stretches it again, then compresses it as a JPEG file does.

    Outer edges stay where they are, so that no point moves.

    Args:
        reduction: largest loss r; the image is made smaller by a factor log-uniform in [1, 1 + r].
        jpeg: largest loss of quality q, 0 to 99; the quality is a whole number uniform in [100 - q, 100]. Images that
            have neither 1 channel nor 3 are not compressed.

    Raises:
        ValueError: a range is negative, or a loss of quality above 99.
    """

    def __init__(self, reduction: float = 0.0, jpeg: int = 0) -> None:
        if reduction < 0 or not 0 <= jpeg <= 99:
            raise ValueError(
                f"A reduction must be 0 or more and a loss of quality 0 to 99, not {reduction} and {jpeg}."
            )
        self.reduction, self.jpeg = reduction, int(jpeg)
        self._factor, self._quality = 1.0, 100

    def randomize(self, data: int = 0) -> None:
        share = self.R.uniform()
        self._factor = float((1 + self.reduction) ** share)
        self._quality = 100 - int(self.R.randint(self.jpeg + 1))

    def change(self, image: torch.Tensor) -> torch.Tensor:
        drawn = torch.as_tensor(image).as_subclass(torch.Tensor).float()
        if self.reduction:
            size = drawn.shape[-2:]
            small = [max(1, round(side / self._factor)) for side in size]
            drawn = F.interpolate(drawn[None], size=small, mode="bilinear", align_corners=False, antialias=True)
            drawn = F.interpolate(drawn, size=size, mode="bilinear", align_corners=False)[0]
        return self._compressed(drawn) if self.jpeg and len(image) in (1, 3) else drawn

    def _compressed(self, image: torch.Tensor) -> torch.Tensor:
        unit, low, reach = unit_range(image)
        levels = (255 * unit).round().to(device="cpu", dtype=torch.uint8)
        decoded = decode_jpeg(encode_jpeg(levels, quality=self._quality)).to(image.device)
        return low + reach * decoded / 255


class RandResolutiond(RandImaged):
    """Dictionary version of :class:`RandResolution`."""

    array = RandResolution
