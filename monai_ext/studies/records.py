"""Records of the images and labels of a studies folder, with the notes on them; the index holds all of them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, Field

from monai_ext.images import LABEL_EXTENSION, LONGEST_ID, name_key
from monai_ext.landmarks import InputError

_MAX_DEPTH = 20


class NotFoundError(InputError):
    """Something that is named does not exist."""


class FileEntry(BaseModel):
    """Record of a file.

    Attributes:
        ext: its extension; its name before it is the ID of the image.
        info: the notes on it.
    """

    ext: str = ""
    info: dict[str, Any] = Field(default_factory=dict)


class LabelEntry(FileEntry):
    """Record of a label.

    Attributes:
        sha256: of the file that the notes are about; empty if it was never recorded.
    """

    sha256: str = ""


class ImageEntry(BaseModel):
    """Record of an image with its labels by tag."""

    image: FileEntry
    labels: dict[str, LabelEntry] = Field(default_factory=dict)

    def protocol(self, tag: str) -> str | None:
        """Name of the protocol that a label was saved for; None if unknown."""
        noted = self.labels[tag].info.get("protocol") if tag in self.labels else None
        return noted if isinstance(noted, str) else None

    def with_label(self, tag: str, label: LabelEntry | None) -> ImageEntry:
        """Returns the record with another label, or with none, under a tag."""
        labels = {name: known for name, known in self.labels.items() if name != tag or label is not None}
        return self.model_copy(update={"labels": labels if label is None else {**labels, tag: label}})


Objects = dict[str, ImageEntry]


class StudiesIndex(BaseModel):
    """All records, as MONAI Label's ``datastore_v2.json`` holds them; what others add to the file is ignored.

    Attributes:
        objects: the images by ID.
        changes: the number of the last change in the journal that the index holds.
    """

    name: str = "new-dataset"
    description: str = "New Dataset"
    images_dir: str = "."
    labels_dir: str = "labels"
    objects: Objects = Field(default_factory=dict)
    changes: int = 0


def image_entry(image: str, extension: str, info: dict[str, Any] | None = None) -> FileEntry:
    """Makes the record of an image file."""
    return FileEntry(ext=extension, info=_notes(f"{image}{extension}", info))


def label_entry(image: str, sha256: str, info: dict[str, Any] | None = None) -> LabelEntry:
    """Makes the record of a label file."""
    return LabelEntry(ext=LABEL_EXTENSION, info=_notes(f"{image}{LABEL_EXTENSION}", info), sha256=sha256)


def no_such_image(image: str, known: Iterable[str]) -> str:
    """Makes the sentence on an unknown image ID; it names the image that differs in upper and lower case only."""
    key = name_key(image[:LONGEST_ID])
    twin = next((other for other in known if name_key(other) == key), None)
    if twin is None:
        return f"There is no image {image[:200]!r} in the studies folder: use an image ID."
    return f"There is no image {image[:200]!r}, but {twin!r}, which differs in upper and lower case: use that ID."


def known_image(objects: Objects, image: str) -> ImageEntry:
    """Returns the record of an image.

    Raises:
        NotFoundError: there is none.
    """
    if image not in objects:
        raise NotFoundError(no_such_image(image, objects))
    return objects[image]


def known_label(objects: Objects, image: str, tag: str) -> tuple[ImageEntry, LabelEntry]:
    """Returns the record of an image and that of its label.

    Raises:
        NotFoundError: there is none.
    """
    known = objects.get(image)
    if known is None or tag not in known.labels:
        raise NotFoundError(f"The image {image[:200]!r} has no label {tag[:80]!r}.")
    return known, known.labels[tag]


def digest(content: bytes) -> str:
    """Returns the SHA-256 that identifies the content of a file."""
    return hashlib.sha256(content).hexdigest()


def check_info(info: Any) -> dict[str, Any]:
    """Returns notes on an image or label, when they survive being written to and read from the index.

    Raises:
        InputError: not a JSON object, too deep, a number that is not finite, or text that is not Unicode.
    """
    if not isinstance(info, dict):
        raise InputError(f"The info of an image or label is a JSON object, not {type(info).__name__}.")
    if _depth(info) > _MAX_DEPTH:
        raise InputError(f"The info of an image or label is nested more than {_MAX_DEPTH} deep; flatten it.")
    try:
        json.dumps(info, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise InputError(f"The info of an image or label cannot be stored as JSON: {error}.") from None
    return info


def _notes(name: str, info: dict[str, Any] | None) -> dict[str, Any]:
    return {**(info or {}), "ts": int(time.time()), "name": name}


def _depth(value: Any) -> int:
    """Counts how deep lists and dictionaries are nested; level by level, so that no depth exhausts the stack."""
    depth, level = 0, [value]
    while level and depth <= _MAX_DEPTH:
        inner = [v.values() if isinstance(v, dict) else v for v in level if isinstance(v, dict | list | tuple)]
        level = [item for items in inner for item in items]
        depth += bool(inner)
    return depth


#: A final label's info contains the version of the model that proposed it and how far a person moved its points:
#: ``model_version`` (null: placed by hand), ``displacement``, ``unit`` and ``ts``. When the label is replaced, the new
#: info carries these four of the first submission under this name. Only the first one shows how a model does on an
#: image that is new to it: whatever comes later may have learned from that label.
FIRST_SUBMISSION = "first_submission"
_NOTED = ("model_version", "displacement", "unit", "ts")


def first_submission(info: Mapping[str, Any]) -> dict[str, Any]:
    """Of a final label's info, what was noted when the label was submitted for the first time."""
    first = info.get(FIRST_SUBMISSION)
    return {name: (first if isinstance(first, Mapping) else info).get(name) for name in _NOTED}


def with_first_submission(info: Mapping[str, Any], replaced: Mapping[str, Any] | None) -> dict[str, Any]:
    """The info to store with a final label.

    Args:
        info: of the label itself.
        replaced: of the final label that it replaces; None if there is none.
    """
    if replaced is None:
        return dict(info)
    return {**info, FIRST_SUBMISSION: first_submission(replaced)}
