"""The dictionary side of random changes of an image: one draw for all images of a sample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable, Transform


class RandImage(Randomizable, Transform):
    """A random change of one image (C, H, W) that moves no pixel; subclasses say which."""

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Maps (C, H, W) to the same shape; draws anew, or repeats the last draw."""
        raise TypeError(f"{type(self).__name__} does not say how it changes an image.")


class RandImaged(Randomizable, MapTransform):
    """Dictionary version of a :class:`RandImage`; several images of a sample are changed alike.

    Args:
        keys: the images.
        transform: the array version.
        allow_missing_keys: whether a sample may lack an image.
    """

    def __init__(self, keys: KeysCollection, transform: RandImage, allow_missing_keys: bool = False) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.transform = transform

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> RandImaged:
        self.transform.set_random_state(seed, state)
        super().set_random_state(seed, state)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        first = True
        for key in self.key_iterator(sample):
            sample[key] = self.transform(sample[key], randomize=first)
            first = False
        return sample


def unit_range(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The image as values 0 to 1, its lowest value, and the reach from there to its highest; all 0 where constant."""
    plain = torch.as_tensor(image).as_subclass(torch.Tensor).float()
    low, high = plain.aminmax()
    reach = high - low
    return (plain - low) / torch.where(reach > 0, reach, 1.0), low, reach


def unit_places(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The places of an image (..., H, W) from -1 to 1: x of the shape (W,), y (H, 1)."""
    height, width = image.shape[-2:]
    x, y = (torch.from_numpy(np.linspace(-1, 1, side, dtype=np.float32)).to(image.device) for side in (width, height))
    return x, y[:, None]
