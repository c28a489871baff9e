"""Labelled images, their split into training and validation, and the loaders that feed the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from monai.transforms import Compose
from torch.utils.data import DistributedSampler

from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks, Protocol
from monai_ext.landmarks.label_check import first_of, read_label
from monai_ext.studies import Studies
from monai_ext.transforms.pipeline import training_transforms, validation_transforms

from .distributed import process_rank
from .endless_sampler import EndlessSampler
from .kept_images import KeptImages, image_memory
from .resumable_loader import ResumableLoader

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class LabelledImage:
    """One image with its label file; ``split`` is None where nobody assigned one."""

    id: str
    image: Path
    label: Path
    split: Split | None = None


def labelled_images(studies: Studies, tag: str = "final") -> list[LabelledImage]:
    """The labelled images of a studies folder with the splits that it states."""
    images, splits = studies.images(), studies.splits()
    return [LabelledImage(id, images[id], studies.label_path(id, tag), splits.get(id)) for id in studies.labelled(tag)]


def split_images(
    images: Sequence[LabelledImage], val_fraction: float, settled: Mapping[str, Split] | None = None
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Training and validation images; stated splits are kept, the others fall by a hash of their ID.

    The hash makes the choice independent of what else is labelled. While there are few images all may fall on one side;
    then the nearest to the threshold goes to the other, and stays there where ``settled`` has it from an earlier call.
    So an image never changes sides when labels arrive.

    Args:
        images: those of the split "test" are left out.
        val_fraction: share of the images that validate.
        settled: images that were put on a side against their hash, by ID; a stated split counts more.

    Raises:
        InputError: fewer than two labelled images, or a side stays empty.
    """
    images = [image for image in images if image.split != "test"]
    if len(images) < 2:
        raise InputError(
            f"Training needs at least 2 labelled images (one to train, one to validate), not {len(images)}: label more."
        )
    settled = settled or {}
    ranked = sorted((image for image in images if image.split is None), key=_rank)
    chosen = [replace(image, split=settled.get(image.id, _hashed_side(image, val_fraction))) for image in ranked]
    stated = [image for image in images if image.split is not None]
    sides: tuple[tuple[Split, int], ...] = (("val", 0), ("train", -1))
    for side, position in sides:
        if chosen and not any(image.split == side for image in stated + chosen):
            chosen[position] = replace(chosen[position], split=side)  # the nearest to that side of the threshold
    both = sorted(stated + chosen, key=lambda image: image.id)
    train = [image for image in both if image.split == "train"]
    val = [image for image in both if image.split == "val"]
    if not train or not val:
        raise InputError(
            f"The split has {len(train)} training and {len(val)} validation images; both need at least one."
        )
    return train, val


def against_hash(
    images: Sequence[LabelledImage], sides: Sequence[LabelledImage], val_fraction: float
) -> dict[str, Split]:
    """The side of each image that has no stated split and did not fall where its hash puts it.

    Args:
        images: what :func:`split_images` was given.
        sides: all that it returned.
        val_fraction: what it was given.
    """
    free = {image.id for image in images if image.split is None}
    return {
        image.id: image.split
        for image in sides
        if image.id in free and image.split is not None and image.split != _hashed_side(image, val_fraction)
    }


def _hashed_side(image: LabelledImage, val_fraction: float) -> Split:
    return "val" if _rank(image) < val_fraction else "train"


def _rank(image: LabelledImage) -> float:
    return int.from_bytes(hashlib.sha256(image.id.encode()).digest()[:8], "big") / 2**64


def check_labels(images: Sequence[LabelledImage], protocol: Protocol) -> None:
    """Reads every label once, before any time is spent on training.

    Raises:
        InputError: as :func:`read_labels`, or a landmark has no point in any label.
    """
    defined = np.zeros(len(protocol.landmarks), dtype=bool)
    for label in read_labels(images, protocol).values():
        defined |= label.defined
    empty = [name for name, known in zip(protocol.landmark_names, defined, strict=True) if not known]
    if empty:
        raise InputError(
            f"No label has a point for {', '.join(empty)}: place it in at least one image, "
            "or remove it from the protocol."
        )


def read_labels(images: Iterable[LabelledImage], protocol: Protocol) -> dict[str, Landmarks]:
    """The final labels of images by ID, each in its image's frame.

    Raises:
        InputError: a label may not be used for its image (see :func:`monai_ext.landmarks.label_check.read_label`), or
            an image header cannot be read; where there are several, their number is stated.
    """
    labels: dict[str, Landmarks] = {}
    problems: list[str] = []
    for image in images:
        try:
            labels[image.id] = read_label(image.label, read_frame(image.image), protocol)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError(first_of(problems))
    return labels


def _plain(image: Any) -> torch.Tensor:
    """Without MONAI's metadata: a network run on a MetaTensor takes nearly twice the time per training step."""
    return torch.as_tensor(image).as_subclass(torch.Tensor)


class TensorsOnly:
    """Keeps what a batch can hold: image, points, status, matrix, and the image's size and pixel length."""

    def __call__(self, sample: dict[str, Any]) -> dict[str, Any]:
        return {
            "image": _plain(sample["image"]),
            "points": torch.as_tensor(sample["points"]),
            "status": torch.as_tensor(sample["status"]),
            "matrix": torch.as_tensor(sample["matrix"]),
            "size": torch.tensor(sample["frame"].size),
            "pixel_length": torch.from_numpy(sample["frame"].scale),
            "calibrated": torch.tensor(sample["frame"].spacing is not None),
            "id": sample["id"],
        }


def make_loader(
    images: Sequence[LabelledImage],
    protocol: Protocol,
    *,
    training: bool,
    batch_size: int,
    num_workers: int = 0,
    seed: int = 0,
    epoch_steps: int | None = None,
) -> ResumableLoader:
    """A loader that reads files as it goes and keeps what a quarter of the free memory holds.

    With worker processes nothing is kept: they read while the network learns. Under ``torchrun`` each process gets its
    own share of the images and of that memory. In training, ``epoch_steps`` batches make an epoch where it is given,
    else one pass over the images.
    """
    chain = training_transforms(protocol) if training else validation_transforms(protocol)
    rank, world = process_rank()
    items = [{"id": i.id, "image": str(i.image), "label": str(i.label)} for i in images]
    if not training:
        items = items[rank::world]
    memory = 0 if num_workers else image_memory() // world
    dataset = KeptImages(items, Compose([*chain.transforms, TensorsOnly()]), memory)
    # also in one process: its order is a function of the seed and the epoch that MONAI's trainer tells it
    sampler = DistributedSampler(dataset, world, rank, shuffle=True, seed=seed) if training else None
    share = len(items) if not training else -(-len(items) // world)
    if training and epoch_steps is not None:
        share = epoch_steps * batch_size
        sampler = EndlessSampler(dataset, share, world, rank, seed)
    return ResumableLoader(
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=num_workers,
        persistent_workers=False,
        drop_last=training and share >= batch_size,
        pin_memory=torch.cuda.is_available(),
    )
