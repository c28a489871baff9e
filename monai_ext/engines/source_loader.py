"""The loaders that feed a source classifier: images prepared as those of landmark detection are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, Randomizable, Transform

from monai_ext.transforms.intensity import NormalizeLandmarkImaged, rand_intensity
from monai_ext.transforms.load import LoadLandmarkImaged
from monai_ext.transforms.rand_affine import RandAffineLandmarks

from .source_images import ClassImage
from .source_options import SourceOptions


class RandAffineImaged(Randomizable, Transform):
    """Fits the image of a sample into a square, with a random rotation, scale, shift and flip.

    Args:
        size: width and height of the result, pixels.
        rotation, scale, shift, flip: as :class:`monai_ext.transforms.affine.RandAffineLandmarks`.
    """

    def __init__(
        self, size: int, rotation: float = 0.0, scale: float = 0.0, shift: float = 0.0, flip: float = 0.0
    ) -> None:
        self.augment = RandAffineLandmarks((size, size), rotation, scale, shift, flip, swap=())

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> RandAffineImaged:
        self.augment.set_random_state(seed, state)
        super().set_random_state(seed, state)
        return self

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        nowhere = torch.zeros(0, 2), torch.zeros(0, dtype=torch.int8)  # it has no landmarks
        return {**data, "image": self.augment(data["image"], *nowhere)[0]}


class _ImageAndClass:
    """Keeps what the classifier takes, without MONAI's metadata."""

    def __call__(self, sample: dict[str, Any]) -> dict[str, Any]:
        return {"image": torch.as_tensor(sample["image"]).as_subclass(torch.Tensor), "label": sample["label"]}


def source_transforms(options: SourceOptions, *, training: bool) -> Compose:
    """``{"image": path, "label": class index}`` to a standardised (3, size, size) ``image`` and its ``label``."""
    augmentation = options.recipe.augmentation
    affine = (
        RandAffineImaged(
            options.input_size, augmentation.rotation, augmentation.scale, augmentation.shift, augmentation.flip
        )
        if training
        else RandAffineImaged(options.input_size)
    )
    return Compose(
        [
            LoadLandmarkImaged(keys="image", channels="rgb"),
            affine,
            NormalizeLandmarkImaged(keys="image"),
            *(rand_intensity(augmentation, keys="image") if training else ()),
            _ImageAndClass(),
        ]
    )


def source_loader(
    images: Sequence[ClassImage], classes: Sequence[str], options: SourceOptions, *, training: bool, num_workers: int
) -> DataLoader:
    """Batches ``{"image": (B, 3, size, size), "label": (B,)}``; shuffled in training."""
    index = {label: i for i, label in enumerate(classes)}
    items = [{"image": str(image.image), "label": index[image.label]} for image in images]
    return DataLoader(
        Dataset(items, source_transforms(options, training=training)),
        batch_size=options.batch_size,
        shuffle=training,
        num_workers=num_workers,
        drop_last=training and len(items) >= options.batch_size,
        pin_memory=torch.cuda.is_available(),
    )
