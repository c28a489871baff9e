"""Labelled images of a studies folder, and which of their labels the trainings in a model folder have seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks, Protocol
from monai_ext.landmarks.files import read_json, write_json_atomically
from monai_ext.landmarks.label_check import first_of, read_label
from monai_ext.landmarks.tables import Split
from monai_ext.studies import Studies

#: In a model folder: the SHA-256 of each label that a training has seen.
SEEN_LABELS = "seen_labels.json"


@dataclass(frozen=True)
class LabelledImage:
    """One image with its label file.

    Attributes:
        split: None where nobody assigned one.
        landmarks: what the label says, in the image's frame, once it was read: then it is not read again.
        content: the bytes that they were read from.
    """

    id: str
    image: Path
    label: Path
    split: Split | None = None
    landmarks: Landmarks | None = field(default=None, compare=False, repr=False)
    content: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def label_bytes(self) -> bytes:
        """The content of the label file, as it was when it was read."""
        return self.label.read_bytes() if self.content is None else self.content


def labelled_images(studies: Studies, tag: str = "final") -> list[LabelledImage]:
    """The labelled images of a studies folder with the splits that it states."""
    images, splits = studies.images(), studies.splits()
    return [LabelledImage(id, images[id], studies.label_path(id, tag), splits.get(id)) for id in studies.labelled(tag)]


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
                content = image.label.read_bytes()  # before it is parsed: what changes in between counts as not seen
                landmarks = read_label(image.label, read_frame(image.image), protocol)
                image = replace(image, landmarks=landmarks, content=content)
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
    defined = np.any([image.landmarks.defined for image in read if image.landmarks is not None], axis=0)
    empty = [name for name, known in zip(protocol.landmark_names, defined, strict=True) if not known]
    if empty:
        raise InputError(
            f"No label has a point for {', '.join(empty)}: place it in at least one image, "
            "or remove it from the protocol."
        )
    return read


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
