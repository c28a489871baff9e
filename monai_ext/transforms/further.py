"""Transforms of plug-ins: registration by their options, and building those that a protocol asks for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

from monai.config import KeysCollection
from monai.transforms import Transform

from monai_ext.landmarks import TRANSFORMS, Augmentation, TransformOptions, name_of

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
