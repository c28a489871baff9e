"""Which images a model of a cross-validation does not see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from monai_ext.engines import LabelledImage
from monai_ext.landmarks import InputError


@dataclass(frozen=True)
class Fold:
    """One training run of a cross-validation.

    Args:
        number: from 1.
        count: of all folds.
        seed: of the division and of the training.
    """

    number: int
    count: int
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"fold{self.number}of{self.count}_seed{self.seed}"

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f"fold {self.number} of {self.count}, seed {self.seed}"


def fold_images(images: Sequence[LabelledImage], count: int, seed: int) -> list[list[LabelledImage]]:
    """Divides images into folds whose sizes differ by one at most.

    The order is by a hash of seed and ID: the same images and seed give the same folds on every machine.

    Raises:
        InputError: fewer than two folds, or fewer images than folds.
    """
    if count < 2:
        raise InputError(f"A cross-validation has 2 folds or more, not {count}.")
    if len(images) < count:
        raise InputError(f"{count} folds need as many labelled images, and there are {len(images)}: take fewer folds.")
    ranked = sorted(images, key=lambda image: hashlib.sha256(f"{seed}:{image.id}".encode()).digest())
    return [sorted(ranked[k::count], key=lambda image: image.id) for k in range(count)]
