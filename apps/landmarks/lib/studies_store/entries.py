"""What is known of each image and label: MONAI Label's own records, with what makes them exact."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastoreModel
from pydantic import Field

from monai_ext.images import LABEL_EXTENSION


class LabelEntry(DataModel):
    """A label.

    Attributes:
        sha256: of the file that the notes in ``info`` are about; empty where it was never recorded.
    """

    sha256: str = ""


class ImageEntry(ImageLabelModel):
    """An image with its labels by tag."""

    labels: dict[str, LabelEntry] = Field(default_factory=dict)


Objects = dict[str, ImageEntry]


class StudiesIndex(LocalDatastoreModel):
    """The index, which MONAI Label can read as its own.

    Attributes:
        changes: the number of the last change in the journal that the index holds.
    """

    objects: dict[str, ImageEntry] = Field(default_factory=dict)
    changes: int = 0


def image_entry(image: str, extension: str, info: dict[str, Any] | None = None) -> DataModel:
    """The record of an image file."""
    return DataModel(ext=extension, info=_notes(f"{image}{extension}", info))


def label_entry(image: str, sha256: str, info: dict[str, Any] | None = None) -> LabelEntry:
    """The record of a label file."""
    return LabelEntry(ext=LABEL_EXTENSION, info=_notes(f"{image}{LABEL_EXTENSION}", info), sha256=sha256)


def digest(content: bytes) -> str:
    """What tells a file's content from any other."""
    return hashlib.sha256(content).hexdigest()


def _notes(name: str, info: dict[str, Any] | None) -> dict[str, Any]:
    return {**(info or {}), "ts": int(time.time()), "name": name}
