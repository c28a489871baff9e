"""Random changes of an image that move no pixel: the array and the dictionary base."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable, Transform


class RandImage(Randomizable, Transform):
    """A random change of one image (C, H, W).

    Subclasses draw numbers in :meth:`randomize` and say in :meth:`change_unit` what they do to values 0 to 1, or in
    :meth:`change` to values as they are.
    """

    def randomize(self, data: int) -> None:
        """Draws the next change, of ``data`` channels."""
        raise NotImplementedError

    def change_unit(self, unit: torch.Tensor) -> torch.Tensor:
        """The changed image between its lowest value (0) and its highest (1)."""
        raise NotImplementedError

    def change(self, image: torch.Tensor) -> torch.Tensor:
        """The changed image, float32 of the same shape."""
        unit, low, reach = unit_range(image)
        return low + reach * self.change_unit(unit)

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Maps (C, H, W) to the same shape; draws again, or repeats the last draw."""
        if randomize:
            self.randomize(len(image))
        return self.change(image)


class RandImaged(Randomizable, MapTransform):
    """Dictionary version of a :class:`RandImage`; several images of a sample are changed alike.

    Args:
        keys: the images.
        args, options: of the array version.
        allow_missing_keys: whether a sample may lack an image.
    """

    array: ClassVar[type[RandImage]]

    def __init__(self, keys: KeysCollection, *args: Any, allow_missing_keys: bool = False, **options: Any) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.transform = self.array(*args, **options)

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> RandImaged:
        self.transform.set_random_state(seed, state)
        super().set_random_state(seed, state)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for position, key in enumerate(self.key_iterator(sample)):
            sample[key] = self.transform(sample[key], randomize=position == 0)
        return sample


def unit_range(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The image as values 0 to 1, its lowest value, and the reach from there to its highest; all 0 where constant."""
    plain = torch.as_tensor(image).as_subclass(torch.Tensor).float()
    low, high = plain.aminmax()
    reach = high - low
    return (plain - low) / torch.where(reach > 0, reach, 1.0), low, reach
