"""Brings an index up to date from the changes in the journal, as far as they took place."""

from __future__ import annotations

from collections.abc import Iterable

from monailabel.datastore.local import DataModel

from .entries import ImageEntry, LabelEntry, Objects
from .journal import Change
from .study_files import StudyFiles


def replay(objects: Objects, changes: Iterable[Change], files: StudyFiles) -> Objects:
    """The records after some changes.

    A process may have ended between a line of the journal and the file that it tells of. A label's notes count where
    the file has the content that they are about, and a removal where the file is gone or is another one. A stated pixel
    size is in no record: ``calibration.json`` has the old state or the new one.
    """
    objects = dict(objects)
    for change in changes:
        known = objects.get(change.image)
        if change.op == "snapshot":
            objects = dict(change.objects or {})
        elif change.op == "image" and change.entry is not None:
            objects[change.image] = _or_new(known).model_copy(update={"image": change.entry})
        elif change.op == "label" and change.label is not None:
            if files.label_digest(change.image, change.tag) == change.label.sha256:
                objects[change.image] = with_label(_or_new(known), change.tag, change.label)
        elif change.op == "calibration":
            continue
        elif known is not None and _is_gone(change, known, files):
            if change.op == "image_removed":
                del objects[change.image]
            else:
                objects[change.image] = with_label(known, change.tag, None)
    return objects


def _is_gone(change: Change, known: ImageEntry, files: StudyFiles) -> bool:
    """Whether the file that a change removed is gone or is another one."""
    if change.op == "image_removed":
        return files.image_digest(change.image, known.image.ext) != change.sha256
    return change.op == "label_removed" and files.label_digest(change.image, change.tag) != change.sha256


def with_label(entry: ImageEntry, tag: str, label: LabelEntry | None) -> ImageEntry:
    """The record of an image with another label, or with none, under a tag."""
    labels = {name: known for name, known in entry.labels.items() if name != tag or label is not None}
    return entry.model_copy(update={"labels": labels if label is None else {**labels, tag: label}})


def _or_new(entry: ImageEntry | None) -> ImageEntry:
    """An image that the index does not know yet; its file says the rest."""
    return ImageEntry(image=DataModel()) if entry is None else entry
