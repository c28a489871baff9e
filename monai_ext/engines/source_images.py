"""Images with a class each, from a folder per class or from a table: their split, and the loaders of a classifier."""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, Randomizable, Transform

from monai_ext.images import find_file, image_id_of
from monai_ext.landmarks import SPLITS, Augmentation, InputError, Split
from monai_ext.transforms import LoadLandmarkImaged, NormalizeLandmarkImaged, RandAffineLandmarks, rand_intensity

#: Columns of a class table; ``split`` may be absent or empty.
COLUMNS = ("image", "class", "split")


@dataclass(frozen=True)
class ClassImage:
    """One image of a class; ``split`` is None if not assigned."""

    image: Path
    label: str
    split: Split | None = None


def read_class_folders(root: Path) -> list[ClassImage]:
    """The images of a folder that has one folder per class, with its name. Hidden files are skipped.

    Raises:
        InputError: the folder does not exist or holds no folder with an image.

    Warns:
        UserWarning: a file that is not in a class folder, or no image, is left out.
    """
    if not root.is_dir():
        raise InputError(f"The image folder {root} does not exist: give a folder with one folder per class.")
    found: list[ClassImage] = []
    left_out: list[Path] = []
    for folder in _visible(root):
        inside = _visible(folder) if folder.is_dir() else [folder]
        for path in inside:
            if path is not folder and path.is_file() and image_id_of(path) is not None:
                found.append(ClassImage(path, folder.name))
            else:
                left_out.append(path)
    if not found:
        raise InputError(
            f"{root} has no folder with images: give one folder per class, or a table of classes with --classes."
        )
    if left_out:
        warnings.warn(
            f"{len(left_out)} files or folders of {root} are left out, because they are not images in a class folder; "
            f"the first is {left_out[0]}.",
            stacklevel=2,
        )
    return found


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def read_class_table(table: Path, root: Path) -> list[ClassImage]:
    """The images that a CSV table with the columns image, class and optionally split names.

    Args:
        table: one row per image; ``image`` is a path relative to ``root``; ``split`` is train, val, test or empty.
        root: the folder of the images.

    Raises:
        InputError: the table cannot be read, lacks a column, has no row, names an image that is not in the folder or
            repeats one, or has an empty class or an unknown split; names the line.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            rows = [(f"{table}, line {reader.line_num}", row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The class table {table} cannot be read: {error}.") from None
    for column in COLUMNS[:2]:
        if column not in columns:
            raise InputError(f"{table}, line 1: there is no column {column!r}; the columns are {', '.join(COLUMNS)}.")
    if not rows:
        raise InputError(f"The class table {table} has no row: give one per image.")
    found: dict[Path, ClassImage] = {}
    for where, row in rows:
        entry = _entry(where, row, root)
        if entry.image in found:
            raise InputError(f"{where}: the image {row['image']!r} occurs twice; keep one row.")
        found[entry.image] = entry
    return list(found.values())


def _entry(where: str, row: Mapping[str, Any], root: Path) -> ClassImage:
    """One row of a class table, checked."""
    name, label, split = (str(row.get(column) or "").strip() for column in COLUMNS)
    for column, text in zip(COLUMNS[:2], (name, label), strict=True):
        if not text:
            raise InputError(f"{where}: the column {column!r} is empty; fill it.")
    path = find_file(root, name)
    if not path.is_file():
        raise InputError(f"{where}: there is no image {name!r} in {root}; check the name and the folder.")
    known = next((known for known in SPLITS if known == split), None)
    if split and known is None:
        raise InputError(f"{where}: unknown split {split!r}; use {', '.join(SPLITS)}, or leave it empty.")
    return ClassImage(path, label, known)


def split_class_images(
    images: Sequence[ClassImage], val_fraction: float
) -> tuple[list[ClassImage], list[ClassImage], tuple[str, ...]]:
    """Training images, held-out images and the class names, sorted.

    Stated splits are kept, those of split "test" are not touched. Of the others each class holds out ``val_fraction``
    of its images, rounded, but never all: the first by a hash of the file name, so that a choice does not depend on
    the order or on other classes.

    Raises:
        InputError: fewer than two classes, a class with one image or with none to train on, or nothing is held out.
    """
    by_class: defaultdict[str, list[ClassImage]] = defaultdict(list)
    for image in images:
        if image.split != "test":
            by_class[image.label].append(image)
    if len(by_class) < 2:
        named = f"there is only {next(iter(by_class))!r}" if by_class else "there is none"
        raise InputError(f"A classifier needs at least two classes, but {named}: add images of another class.")
    for label, members in by_class.items():
        if len(members) < 2:
            raise InputError(
                f"The class {label!r} has only one image, {members[0].image.name}: add another or leave the class out."
            )
    train: list[ClassImage] = []
    held_out: list[ClassImage] = []
    for label, members in sorted(by_class.items()):
        sides = _with_split(members, val_fraction)
        train.extend(image for image in sides if image.split == "train")
        held_out.extend(image for image in sides if image.split == "val")
        if not any(image.split == "train" for image in sides):
            raise InputError(
                f"The class {label!r} has no image to train on: move one of its images to the split train."
            )
    if not held_out:
        raise InputError(
            f"No image can be held out, because no class has enough images for a fraction of {val_fraction:g}: "
            "raise --val-fraction or add images."
        )
    return train, held_out, tuple(sorted(by_class))


def _with_split(members: Sequence[ClassImage], val_fraction: float) -> list[ClassImage]:
    """The images of one class, each on a side."""
    stated = [image for image in members if image.split is not None]
    free = sorted((image for image in members if image.split is None), key=_rank)
    trained = any(image.split == "train" for image in stated)
    count = min(int(val_fraction * len(free) + 0.5), len(free) if trained else max(0, len(free) - 1))
    chosen = [replace(image, split="val" if i < count else "train") for i, image in enumerate(free)]
    return stated + chosen


def _rank(image: ClassImage) -> tuple[bytes, str]:
    return hashlib.sha256(image.image.name.encode()).digest(), str(image.image)


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


def source_transforms(size: int, augmentation: Augmentation | None = None) -> Compose:
    """``{"image": path, "label": class index}`` to a standardised (3, size, size) ``image`` and its ``label``.

    Args:
        size: width and height of the result, pixels.
        augmentation: random changes, in training.
    """
    steps: list[Transform] = [LoadLandmarkImaged(keys="image", channels="rgb")]
    if augmentation is None:
        steps += [RandAffineImaged(size), NormalizeLandmarkImaged(keys="image")]
    else:
        moved = (augmentation.rotation, augmentation.scale, augmentation.shift, augmentation.flip)
        steps += [RandAffineImaged(size, *moved), NormalizeLandmarkImaged(keys="image")]
        steps += rand_intensity(augmentation, keys="image")
    return Compose([*steps, _ImageAndClass()])


def source_loader(
    images: Sequence[ClassImage],
    classes: Sequence[str],
    size: int,
    batch_size: int,
    augmentation: Augmentation | None = None,
    num_workers: int = 0,
) -> DataLoader:
    """Batches ``{"image": (B, 3, size, size), "label": (B,)}``; shuffled where they are augmented, in training."""
    index = {label: i for i, label in enumerate(classes)}
    items = [{"image": str(image.image), "label": index[image.label]} for image in images]
    training = augmentation is not None
    return DataLoader(
        Dataset(items, source_transforms(size, augmentation)),
        batch_size=batch_size,
        shuffle=training,
        num_workers=num_workers,
        drop_last=training and len(items) >= batch_size,
        pin_memory=torch.cuda.is_available(),
    )
