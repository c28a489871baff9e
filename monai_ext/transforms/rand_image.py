"""Random changes of an image that move no pixel: the array and the dictionary base, and those of plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from importlib import import_module
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable, Transform

from monai_ext.landmarks import TRANSFORMS, Augmentation, TransformOptions, name_of


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


T = TypeVar("T", bound=type[Transform])

_CLASSES: dict[type[TransformOptions], Callable[..., Transform]] = {}


def register_transform(options: type[TransformOptions]) -> Callable[[T], T]:
    """Decorator of a dictionary transform that changes the values of a (C, H, W) image at random and moves no pixel.

    Protocols may ask for it under ``recipe.augmentation.further`` by the ``name`` of its options. It is built with
    ``keys`` and its options by name, and takes images before they are normalised, black being their lowest value.

    Args:
        options: class of the options, with a default ``name`` of its own.

    Raises:
        InputError: the options have no name, or another transform has it.
    """

    def registered(transform: T) -> T:
        TRANSFORMS.add(name_of(options), options)
        _CLASSES[options] = transform
        return transform

    return registered


def rand_further(augmentation: Augmentation, keys: KeysCollection = "image") -> list[Transform]:
    """The random changes of plug-ins that a protocol asks for, in its order, as MONAI dictionary transforms."""

    def built(options: TransformOptions) -> Transform:
        if type(options) not in _CLASSES:  # one of the library's own is in the module of its name
            import_module(f".{options.name}", __package__)
        given = {name: getattr(options, name) for name in type(options).model_fields if name != "name"}
        return _CLASSES[type(options)](keys, **given)

    return [built(options) for options in augmentation.further]
