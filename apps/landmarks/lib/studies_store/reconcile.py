"""Makes the records agree with the files: new ones are taken in, records without a file are dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from monai_ext.images import LABEL_EXTENSION
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json
from monai_ext.studies import stated_annotator, stated_sources

from .entries import ImageEntry, LabelEntry, Objects, image_entry, label_entry
from .folder_scan import scan_images, scan_labels
from .label_history import is_readable
from .reader_places import CONSENSUS_OF
from .study_files import StudyFiles

logger = logging.getLogger(__name__)


def reconcile_images(objects: Objects, files: StudyFiles, warn: Callable[[str], None]) -> None:
    """Changes the table of records to the images that there are."""
    known = {image: entry.image.ext for image, entry in objects.items()}
    images = scan_images(files.root, known, warn)
    for image in known.keys() - images.keys():
        logger.warning("The image %s is gone from %s; it is no longer listed.", image, files.root)
        del objects[image]
    for image, extension in images.items():
        if image not in known:
            objects[image] = ImageEntry(image=image_entry(image, extension))
        elif known[image] != extension:
            entry = image_entry(image, extension, objects[image].image.info)
            objects[image] = objects[image].model_copy(update={"image": entry})


def reconcile_labels(objects: Objects, files: StudyFiles, warn: Callable[[str], None]) -> None:
    """Changes the table of records to the labels that there are; those of unknown images are warned of."""
    labelled = scan_labels(files.labels, warn)
    for tag, ids in labelled.items():
        for image in sorted(ids - objects.keys()):
            warn(f"labels/{tag}/{image}{LABEL_EXTENSION} is not used: there is no image {image}.")
    for image, known in objects.items():
        labels: dict[str, LabelEntry] = {}
        for tag in dict.fromkeys([*known.labels, *labelled]):
            entry = _present(known.labels.get(tag), image, tag, files) if image in labelled.get(tag, ()) else None
            if entry is not None:
                labels[tag] = entry
        for tag in known.labels.keys() - labels.keys():
            logger.warning("The %s label of %s is gone; it is no longer listed.", tag, image)
        if labels != known.labels:
            objects[image] = known.model_copy(update={"labels": labels})


def _present(known: LabelEntry | None, image: str, tag: str, files: StudyFiles) -> LabelEntry | None:
    """The record of a label file. A damaged one stays listed: whoever opens it is told, and a start mends it."""
    sha256 = files.label_digest(image, tag)
    if sha256 is None:
        return None
    if known is not None and known.ext != LABEL_EXTENSION:
        known = None
    if known is not None and known.sha256 == sha256:
        return known
    readable = is_readable(files.label(image, tag))
    if known is None:
        return label_entry(image, sha256 if readable else "", _stated_notes(files, image, tag))
    if not readable:
        return known
    if not known.sha256:
        return known.model_copy(update={"sha256": sha256})
    logger.warning("The %s label of %s was replaced by hand; its notes start anew.", tag, image)
    return label_entry(image, sha256, _stated_notes(files, image, tag))


def _stated_notes(files: StudyFiles, image: str, tag: str) -> dict[str, Any]:
    """What a label file itself says of who made it, and of which readings it is made."""
    try:
        document = read_json(files.label(image, tag))
    except InputError:
        return {}
    name, made_of = stated_annotator(document), stated_sources(document)
    notes: dict[str, Any] = {"annotator": name} if name else {}
    return notes if made_of is None else {**notes, CONSENSUS_OF: made_of}
