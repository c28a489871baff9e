"""Grey levels: the scale that a network takes, and random changes of brightness, contrast, colour, blur and noise."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import (
    MapTransform,
    RandAdjustContrastd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandShiftIntensityd,
    Transform,
)

from monai_ext.landmarks import CHANNEL_SCALES, OWN_SCALE, Augmentation, InputError, check_normalization

from .rand_image import RandImage, RandImaged

#: An image whose standard deviation is below this fraction of its mean is constant up to rounding.
CONSTANT_FRACTION = 1e-6

#: Largest value of an 8-bit image, and what interpolation may add to it by rounding.
LARGEST_VALUE, ROUNDING = 255, 1e-3


class NormalizeLandmarkImage(Transform):
    """Brings an image to the scale that a network takes.

    ``image``: mean 0 and standard deviation 1 over all its pixels and channels. Channels share one mean and deviation,
    so that colour keeps its balance. A constant image becomes zeros. Statistics are in float64: a 16-bit image has sums
    that float32 does not hold.

    The others are fixed, for weights that were trained so: each channel of values 0 to 255 less a mean and divided by
    a deviation; grey takes the averages of the three.

    Args:
        normalization: ``image`` or one of :data:`~monai_ext.landmarks.normalization.CHANNEL_SCALES`.

    Raises:
        InputError: an unknown normalisation.

    Examples:
        >>> NormalizeLandmarkImage()(torch.tensor([[[1.0, 3.0]]]))
        tensor([[[-1.,  1.]]])
        >>> NormalizeLandmarkImage("radimagenet")(torch.tensor([[[0.0, 255.0]]]))
        tensor([[[-1.,  1.]]])
    """

    def __init__(self, normalization: str = OWN_SCALE) -> None:
        self.normalization = check_normalization(normalization)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """Maps (C, H, W) of any type to float32 of the same shape.

        Raises:
            InputError: a fixed normalisation of values beyond 0 to 255, or of neither 1 nor 3 channels.
        """
        exact = torch.as_tensor(image).double()
        if self.normalization != OWN_SCALE:
            return self._on_fixed_scale(exact)
        std, mean = torch.std_mean(exact, correction=0)
        constant = std <= CONSTANT_FRACTION * mean.abs()
        gain = torch.where(constant, 0.0, 1.0 / torch.where(constant, 1.0, std))
        return ((exact - mean) * gain).float()

    def _on_fixed_scale(self, image: torch.Tensor) -> torch.Tensor:
        lowest, highest = (float(value) for value in image.aminmax())
        if not -ROUNDING <= lowest <= highest <= LARGEST_VALUE + ROUNDING:
            raise InputError(
                f"The normalisation {self.normalization!r} is of values 0 to {LARGEST_VALUE} and the image has "
                f"{lowest:g} to {highest:g}: convert it to 8 bits or use the normalisation {OWN_SCALE!r}."
            )
        mean, deviation = CHANNEL_SCALES[self.normalization].of_channels(len(image))
        return ((image - image.new_tensor(mean)[:, None, None]) / image.new_tensor(deviation)[:, None, None]).float()


class NormalizeLandmarkImaged(MapTransform):
    """Dictionary version of :class:`NormalizeLandmarkImage`."""

    def __init__(
        self, keys: KeysCollection = "image", allow_missing_keys: bool = False, normalization: str = OWN_SCALE
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.normalize = NormalizeLandmarkImage(normalization)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[key] = self.normalize(sample[key])
        return sample


class RandChannelGain(RandImage):
    """Multiplies each channel by its own gain, above the darkest value of the image: black stays black.

    MONAI's ``RandScaleIntensity(channel_wise=True)`` multiplies about zero, which in a standardised image is its mean
    and turns a gain into a change of contrast.

    Args:
        gain: largest relative gain g; each channel's factor is uniform in [1 - g, 1 + g]. One channel is left alone.
    """

    def __init__(self, gain: float) -> None:
        if not 0 <= gain < 1:
            raise ValueError(f"A channel gain must be in [0, 1), not {gain}.")
        self.gain = gain
        self._factors = np.ones(0)

    def randomize(self, data: int) -> None:
        if data > 1:  # a gain of grey is what contrast and brightness are
            self._factors = 1.0 + self.R.uniform(-self.gain, self.gain, data)

    def change(self, image: torch.Tensor) -> torch.Tensor:
        if len(image) == 1:
            return image
        factors = torch.as_tensor(self._factors, dtype=image.dtype, device=image.device)[:, None, None]
        return torch.lerp(image.amin().expand_as(image), image, factors.expand_as(image))


class RandChannelGaind(RandImaged):
    """Dictionary version of :class:`RandChannelGain`."""

    array = RandChannelGain


def rand_intensity(augmentation: Augmentation, keys: KeysCollection = "image") -> list[Transform]:
    """The random intensity changes of a protocol, as MONAI dictionary transforms.

    They expect a standardised image (mean 0, standard deviation 1) and change every image by an amount drawn from
    the whole range; a range of 0 adds nothing.

    1. ``color``: gain per channel, factor in [1 - color, 1 + color] (colour images only: one channel is left alone).
    2. ``gamma``: exponent in [1 / (1 + gamma), 1 + gamma], between the image's minimum and maximum.
    3. ``contrast``: factor in [1 - contrast, 1 + contrast] about the mean.
    4. ``brightness``: offset in [-brightness, brightness].
    5. ``blur``: Gaussian sigma in [0, blur] pixels, drawn along x and along y.
    6. ``noise``: Gaussian, standard deviation in [0, noise].
    """
    steps: list[Transform] = []
    if augmentation.color > 0:
        steps.append(RandChannelGaind(keys, augmentation.color))
    if augmentation.gamma > 0:
        steps.append(RandAdjustContrastd(keys, prob=1.0, gamma=(1 / (1 + augmentation.gamma), 1 + augmentation.gamma)))
    if augmentation.contrast > 0:
        steps.append(RandScaleIntensityd(keys, factors=augmentation.contrast, prob=1.0))
    if augmentation.brightness > 0:
        steps.append(RandShiftIntensityd(keys, offsets=augmentation.brightness, prob=1.0))
    if augmentation.blur > 0:
        steps.append(
            RandGaussianSmoothd(keys, prob=1.0, sigma_x=(0.0, augmentation.blur), sigma_y=(0.0, augmentation.blur))
        )
    if augmentation.noise > 0:
        steps.append(RandGaussianNoised(keys, prob=1.0, mean=0.0, std=augmentation.noise))
    return steps
