"""Which labels the trainings in a model folder have seen, so that it is known what was labelled since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json, write_json_atomically

from .dataset import LabelledImage

FILE = "seen_labels.json"


def digests(images: Sequence[LabelledImage]) -> dict[str, str]:
    """The SHA-256 of each image's label by image ID."""
    return {image.id: hashlib.sha256(image.label.read_bytes()).hexdigest() for image in images}


def read_seen_labels(folder: Path) -> dict[str, str]:
    """The SHA-256 of each label, as it was when a training last saw it, by image ID; empty before the first training.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / FILE
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
    write_json_atomically(folder / FILE, {**known, **labels})
