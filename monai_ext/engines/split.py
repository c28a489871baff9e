"""Which images train and which validate, the same for an image however many labels arrive."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json, write_json_atomically
from monai_ext.landmarks.tables import Split

from .dataset import LabelledImage

#: In a model folder: images that train or validate against their hash, since too few were labelled then. Without it, an
#: image that one version was trained on could validate the next one, which starts with its weights.
FILE = "settled_sides.json"


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


def read_settled_sides(folder: Path) -> dict[str, Split]:
    """The side of each of these images by ID; empty where the folder has none.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    document = read_json(path)
    sides: dict[str, Split] = {}
    for side in ("train", "val"):
        members = document.get(side, []) if isinstance(document, dict) else None
        if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
            raise InputError(f'{path} must hold {{"train": [IDs], "val": [IDs]}}, not {document!r:.80}; remove it.')
        sides.update(dict.fromkeys(members, side))
    return sides


def write_settled_sides(folder: Path, sides: Mapping[str, Split]) -> None:
    """Adds images to those that are remembered; nothing is written where all of them are.

    Raises:
        InputError: the present file is damaged.
        OSError: there is no room.
    """
    known = read_settled_sides(folder)
    merged = {**known, **sides}
    if merged != known:
        document = {name: sorted(image for image, side in merged.items() if side == name) for name in ("train", "val")}
        write_json_atomically(folder / FILE, document)
