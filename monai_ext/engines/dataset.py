"""Labelled images: their labels, their split, and what a model folder remembers of both."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from monai_ext.images import read_frame
from monai_ext.landmarks import (
    InputError,
    Landmarks,
    Markups,
    Protocol,
    Split,
    first_of,
    read_json,
    read_label,
    write_json_atomically,
)
from monai_ext.studies import Studies

#: In a model folder: the SHA-256 of each label that a training has seen.
SEEN_LABELS = "seen_labels.json"
#: In a model folder: all images that trained, and those that validate against their hash, since too few were labelled
#: then. Without it, an image that one version was trained on could validate the next one, which starts with its
#: weights, when more images are labelled, or another share of them or other splits are asked for.
SETTLED_SIDES = "settled_sides.json"


@dataclass(frozen=True)
class LabelledImage:
    """One image with its label file.

    Attributes:
        split: None if not assigned.
        landmarks: what the label says, in the image's frame, once it was read: then it is not read again.
        content: the bytes that they were read from.
        subject: patient or specimen, if stated.
    """

    id: str
    image: Path
    label: Path
    split: Split | None = None
    landmarks: Landmarks | None = field(default=None, compare=False, repr=False)
    content: bytes | None = field(default=None, compare=False, repr=False)
    subject: str | None = None

    @property
    def group(self) -> str:
        """What stays on one side of a split: its subject, or the image alone."""
        return self.subject or self.id

    @property
    def label_bytes(self) -> bytes:
        """The content of the label file, as it was when it was read."""
        return self.label.read_bytes() if self.content is None else self.content


def labelled_images(studies: Studies, tag: str = "final") -> list[LabelledImage]:
    """The labelled images of a studies folder with the splits and subjects that it states."""
    images, splits, subjects = studies.images(), studies.splits(), studies.subjects()
    return [
        LabelledImage(id, images[id], studies.label_path(id, tag), splits.get(id), subject=subjects.get(id))
        for id in studies.labelled(tag)
    ]


def with_landmarks(images: Iterable[LabelledImage], protocol: Protocol) -> list[LabelledImage]:
    """The images with the landmarks of their labels in the protocol's order; labels are read that were not before.

    Raises:
        InputError: a label may not be used for its image (see :func:`monai_ext.landmarks.label_check.read_label`), or
            an image header cannot be read; where there are several, their number is stated.
    """
    read: list[LabelledImage] = []
    problems: list[str] = []
    for image in images:
        try:
            if image.landmarks is None or image.landmarks.names != protocol.landmark_names:
                markups = Markups.read(image.label)
                landmarks = read_label(markups, read_frame(image.image), protocol)
                image = replace(image, landmarks=landmarks, content=markups.content)
            read.append(image)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError(first_of(problems))
    return read


def read_labels(images: Iterable[LabelledImage], protocol: Protocol) -> dict[str, Landmarks]:
    """The final labels of images by ID, each in its image's frame.

    Raises:
        InputError: as :func:`with_landmarks`.
    """
    return {image.id: image.landmarks for image in with_landmarks(images, protocol) if image.landmarks is not None}


def check_labels(images: Iterable[LabelledImage], protocol: Protocol) -> list[LabelledImage]:
    """The images with their landmarks, refused before any time is spent on training.

    Raises:
        InputError: as :func:`with_landmarks`, or a landmark has no point in any label.
    """
    read = with_landmarks(images, protocol)
    if empty := _without_point(read, protocol):
        raise InputError(
            f"No label has a point for {', '.join(empty)}: place it in at least one image, "
            "or remove it from the protocol."
        )
    return read


def check_sides(train: Sequence[LabelledImage], val: Sequence[LabelledImage], protocol: Protocol) -> None:
    """Refuses a split of which no error could be measured, and warns of landmarks that could not be learned.

    Args:
        train: images with their landmarks.
        val: likewise.
        protocol: the landmark task.

    Raises:
        InputError: the validation images have no point at all.

    Warns:
        UserWarning: a landmark has no point in the training images.
    """
    if unseen := _without_point(train, protocol):
        names, count = ", ".join(unseen), len(train)
        warnings.warn(
            f"The {count} training image{'' if count == 1 else 's'} cannot teach {names}, which only validation images "
            "have a point for, and the model will make it up: place it in more images, or move one of those to the "
            "split train in splits.json.",
            stacklevel=2,
        )
    if len(_without_point(val, protocol)) == len(protocol.landmark_names):
        count = len(val)
        raise InputError(
            f"The {count} validation image{' has' if count == 1 else 's have'} no point, so that no error could be "
            f"measured: place a landmark in {val[0].id}, or label more images."
        )


def _without_point(images: Sequence[LabelledImage], protocol: Protocol) -> list[str]:
    """The landmarks that have a point in none of the images."""
    defined = np.any([image.landmarks.defined for image in images if image.landmarks is not None], axis=0)
    return [name for name, known in zip(protocol.landmark_names, defined, strict=True) if not known]


def split_images(
    images: Sequence[LabelledImage], val_fraction: float, settled: Mapping[str, Split] | None = None
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Training and validation images; stated splits are kept, the others fall by a hash of their subject or ID.

    The hash makes the choice independent of what else is labelled. While there are few images all may fall on one side;
    then the nearest to the threshold goes to the other, and stays there where ``settled`` has it from an earlier call.
    One that trained before validates only where there is no other. So an image never changes sides when labels arrive.
    Images of one subject stay together: where one of them trained before, all train.

    Args:
        images: those of the split "test" are left out.
        val_fraction: share of the images that validate.
        settled: images that stay on a side, by ID; a stated split counts more.

    Raises:
        InputError: fewer than two labelled images, or a side stays empty.
    """
    labelled, images = len(images), [image for image in images if image.split != "test"]
    if len(images) < 2:
        kept = f" ({labelled - len(images)} more are of the split test)" if labelled > len(images) else ""
        raise InputError(
            f"Training needs at least 2 labelled images (one to train, one to validate), not {len(images)}{kept}: "
            "label more."
        )
    settled = _of_whole_subjects(images, settled or {})
    ranked = sorted((image for image in images if image.split is None), key=_rank)
    chosen = [replace(image, split=settled.get(image.id, _hashed_side(image, val_fraction))) for image in ranked]
    stated = [image for image in images if image.split is not None]
    new = next((position for position, image in enumerate(chosen) if settled.get(image.id) != "train"), 0)
    sides: tuple[tuple[Split, int], ...] = (("val", new), ("train", -1))
    for side, position in sides:
        if chosen and not any(image.split == side for image in stated + chosen):
            nearest = chosen[position].group  # to that side of the threshold
            chosen = [replace(image, split=side) if image.group == nearest else image for image in chosen]
    both = sorted(stated + chosen, key=lambda image: image.id)
    train = [image for image in both if image.split == "train"]
    val = [image for image in both if image.split == "val"]
    if not train or not val:
        raise InputError(
            f"The split has {len(train)} training and {len(val)} validation images; both need at least one: name some "
            "in splits.json, or remove the split to have one chosen; images of one subject stay together."
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


def _of_whole_subjects(images: Sequence[LabelledImage], settled: Mapping[str, Split]) -> dict[str, Split]:
    """The settled sides with the images of the same subjects beside them; a side that trains counts more."""
    sides: dict[str, Split] = {}
    for image in images:
        if image.id in settled and sides.get(image.group) != "train":
            sides[image.group] = settled[image.id]
    return {image.id: sides[image.group] for image in images if image.group in sides}


def _hashed_side(image: LabelledImage, val_fraction: float) -> Split:
    return "val" if _rank(image) < val_fraction else "train"


def _rank(image: LabelledImage) -> float:
    return int.from_bytes(hashlib.sha256(image.group.encode()).digest()[:8], "big") / 2**64


def digests(images: Sequence[LabelledImage]) -> dict[str, str]:
    """The SHA-256 of each image's label by image ID."""
    return {image.id: hashlib.sha256(image.label_bytes).hexdigest() for image in images}


def read_seen_labels(folder: Path) -> dict[str, str]:
    """The SHA-256 of each label, as it was when a training last saw it, by image ID; empty before the first training.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / SEEN_LABELS
    if not path.is_file():
        return {}
    document = read_json(path)
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise InputError(f"{path} must hold a SHA-256 per image ID, not {document!r:.80}; remove it.")
    return document


def add_seen_labels(folder: Path, labels: Mapping[str, str]) -> None:
    """Records that a training has seen these labels; what earlier ones saw of other images stays.

    A damaged file is replaced.

    Raises:
        OSError: there is no room.
    """
    try:
        known = read_seen_labels(folder)
    except InputError:
        known = {}
    write_json_atomically(folder / SEEN_LABELS, {**known, **labels})


def read_settled_sides(folder: Path) -> dict[str, Split]:
    """The side of each of these images by ID; empty if the folder has none.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / SETTLED_SIDES
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
        write_json_atomically(folder / SETTLED_SIDES, document)
