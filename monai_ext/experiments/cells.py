"""The cells of an ablation, each a row trained on a number of images with a seed, and how long each is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monai_ext.engines import LabelledImage
from monai_ext.landmarks import InputError
from monai_ext.landmarks.recipe import Length, Recipe

ALL = "all"


@dataclass(frozen=True)
class Size:
    """A number of training images, as a person named it."""

    label: str
    count: int


@dataclass(frozen=True)
class Cell:
    """One training run of an ablation."""

    row: str
    size: Size
    seed: int

    @property
    def name(self) -> str:
        """Name of the cell's folder."""
        return f"{self.row}_{self.size.label}_seed{self.seed}"

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f"{self.row}, {self.size.count} images, seed {self.seed}"


def parse_sizes(named: str, available: int) -> tuple[Size, ...]:
    """Sizes of training sets from a text such as ``50,100,all``; in rising order, equal ones once.

    Raises:
        InputError: a size is neither a number nor ``all``, or there are not as many training images.
    """
    sizes: dict[int, Size] = {}
    for label in (part.strip() for part in named.split(",")):
        if label != ALL and not (label.isdecimal() and int(label) > 0):
            raise InputError(f"--sizes takes numbers of training images and {ALL!r}, with commas, not {label!r}.")
        size = Size(ALL, available) if label == ALL else Size(str(int(label)), int(label))
        if size.count > available:
            raise InputError(
                f"--sizes asks for {size.count} training images but there are {available}: "
                f"take fewer, or {ALL!r} for as many as there are."
            )
        sizes.setdefault(size.count, size)
    return tuple(sizes[count] for count in sorted(sizes))


def length(
    count: int, largest: int, recipe: Recipe, max_epochs: int | None = None, max_steps: int | None = None
) -> Length:
    """How long a run on ``count`` images is trained.

    The number of steps is the same for all sizes: that of the recipe's epochs over the largest set, or the most that
    ``max_steps`` holds whole epochs of. Only ``max_epochs``, passes over the cell's own images, makes it differ.

    Raises:
        InputError: both limits are given.
    """
    if max_epochs is not None and max_steps is not None:
        raise InputError("--max-epochs and --max-steps are two ways to say how long to train: give one of them.")
    if max_epochs is not None:
        return Length(max_epochs, _pass_steps(count, recipe))
    whole = _pass_steps(largest, recipe)
    if max_steps is None:
        return recipe.length(largest)
    passes = max(1, round(max_steps / whole))
    # near to as many epochs as passes, the number that loses the fewest steps
    epochs = min(range((passes + 1) // 2, 2 * passes + 1), key=lambda e: (max_steps % e, abs(e - passes)))
    return Length(epochs, max_steps // epochs)


def _pass_steps(count: int, recipe: Recipe) -> int:
    return max(1, count // recipe.batch_size)


def subset(images: Sequence[LabelledImage], count: int, seed: int) -> list[LabelledImage]:
    """``count`` of the training images, drawn by a hash of seed and ID, as training images.

    A smaller subset of the same seed is part of a larger one, and a draw does not depend on the row.
    """
    ranked = sorted(images, key=lambda image: hashlib.sha256(f"{seed}:{image.id}".encode()).digest())
    return sorted((replace(image, split="train") for image in ranked[:count]), key=lambda image: image.id)
