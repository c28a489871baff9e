"""Makes the records agree with the files and the journal, and repairs what crashes and full disks left."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monai_ext.images import LABEL_EXTENSION
from monai_ext.landmarks import TEMPORARY_NAME, InputError, read_json

from .change_set import ChangeSet
from .index_file import Repairs
from .journal import Change
from .label_changes import LabelHistory, is_readable
from .readers import READINGS, READINGS_NOTE, is_consensus, stated_annotator, stated_sources
from .records import FileEntry, ImageEntry, LabelEntry, Objects, digest, image_entry, label_entry
from .study_files import StudyFiles, Warn

logger = logging.getLogger(__name__)


def reconcile_images(objects: Objects, files: StudyFiles, warn: Warn) -> None:
    """Changes the table of records to the images that there are; one that comes back has the notes on its labels."""
    known = {image: entry.image.ext for image, entry in objects.items()}
    images = files.scan_images(known, warn)
    for image in known.keys() - images.keys():
        logger.warning("The image %s was removed from %s; it is no longer listed.", image, files.root)
        files.away[image] = objects.pop(image).labels
    for image, extension in images.items():
        if image not in known:
            objects[image] = ImageEntry(image=image_entry(image, extension), labels=files.away.pop(image, {}))
        elif known[image] != extension:
            entry = image_entry(image, extension, objects[image].image.info)
            objects[image] = objects[image].model_copy(update={"image": entry})


def reconcile_labels(objects: Objects, files: StudyFiles, warn: Warn) -> None:
    """Changes the table of records to the labels that there are; those of unknown images are warned of."""
    labelled = files.scan_labels(warn)
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
            logger.warning("The %s label of %s was removed; it is no longer listed.", tag, image)
        if labels != known.labels:
            objects[image] = known.model_copy(update={"labels": labels})


def _present(known: LabelEntry | None, image: str, tag: str, files: StudyFiles) -> LabelEntry | None:
    """The record of a label file. A damaged one stays listed: opening it reports the damage, and a start repairs it."""
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
    logger.warning("The %s label of %s was replaced by hand; its notes start again.", tag, image)
    return label_entry(image, sha256, _stated_notes(files, image, tag))


def _stated_notes(files: StudyFiles, image: str, tag: str) -> dict[str, Any]:
    """Returns what a label file itself says of who made it, and of which readings it is made."""
    try:
        document = read_json(files.label(image, tag))
    except InputError:
        return {}
    name, made_of = stated_annotator(document), stated_sources(document)
    notes: dict[str, Any] = {"annotator": name} if name else {}
    return notes if made_of is None else {**notes, READINGS_NOTE: made_of}


def replay(objects: Objects, changes: Iterable[Change], files: StudyFiles) -> Objects:
    """Returns the records after some changes of the journal, as far as these took place.

    A process may have ended between a line of the journal and the file that it records. A label's notes count where
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
                objects[change.image] = _or_new(known).with_label(change.tag, change.label)
        elif change.op == "calibration":
            continue
        elif known is not None and _is_gone(change, known, files):
            if change.op == "image_removed":
                del objects[change.image]
            else:
                objects[change.image] = known.with_label(change.tag, None)
    return objects


def _is_gone(change: Change, known: ImageEntry, files: StudyFiles) -> bool:
    """Returns whether the file that a change removed is gone or is another one."""
    if change.op == "image_removed":
        return files.image_digest(change.image, known.image.ext) != change.sha256
    return change.op == "label_removed" and files.label_digest(change.image, change.tag) != change.sha256


def _or_new(entry: ImageEntry | None) -> ImageEntry:
    """An image that the index does not know yet; its file says the rest."""
    return ImageEntry(image=FileEntry()) if entry is None else entry


def restore_labels(changes: ChangeSet, files: StudyFiles, history: LabelHistory, repairs: Repairs) -> list[str]:
    """Moves damaged label files to ``labels/.damaged/<tag>/`` and puts the newest whole version in their place.

    Returns:
        The images whose damaged ``final`` label was made of readings: it is to be made of them again, as its earlier
        versions are of a time before them.
    """
    unmade = []
    for tag, images in files.scan_labels(lambda _: None).items():
        for image in sorted(images & changes.objects.keys()):
            known = changes.objects[image].labels.get(tag)
            trusted = known is not None and known.sha256 == files.label_digest(image, tag)
            if trusted or is_readable(files.label(image, tag)):
                continue
            if tag == "final" and _is_made_of_readings(known, image, files):
                kept = _keep_aside(changes, files, image, tag)
                _drop(changes, files, image, tag)
                repairs.add(f"{kept}; it is made of the labels of its readers again.")
                unmade.append(image)
            else:
                _restore(changes, files, history, repairs, image, tag)
    return unmade


def _is_made_of_readings(final: LabelEntry | None, image: str, files: StudyFiles) -> bool:
    """Returns whether there are readings that a damaged ``final`` label was made of; without a record of it, any."""
    made = final is None or is_consensus(final.info)
    return made and any(files.label_digest(image, tag) is not None for tag in READINGS)


def _keep_aside(changes: ChangeSet, files: StudyFiles, image: str, tag: str) -> str:
    """Keeps what a damaged label file holds; returns the beginning of the sentence on it."""
    aside = files.labels / ".damaged" / tag / f"{image}.{time.strftime('%Y%m%d-%H%M%S')}{LABEL_EXTENSION}"
    changes.write(aside, files.label(image, tag).read_bytes())
    return f"The {tag} label of {image} is damaged and is kept as {aside.relative_to(files.root)}"


def _drop(changes: ChangeSet, files: StudyFiles, image: str, tag: str) -> None:
    changes.remove(files.label(image, tag))
    changes.drop_label(image, tag, files.label_digest(image, tag) or "")


def _restore(
    changes: ChangeSet, files: StudyFiles, history: LabelHistory, repairs: Repairs, image: str, tag: str
) -> None:
    kept = _keep_aside(changes, files, image, tag)
    version = next((v for v in history.versions(image, tag) if is_readable(v.path)), None)
    if version is None:
        _drop(changes, files, image, tag)
        repairs.add(f"{kept}; there is no earlier version, so the image has no {tag} label: label it again.")
        return
    content = version.path.read_bytes()
    changes.write(files.label(image, tag), content)
    info = {**version.info, "restored_from": version.version}
    changes.set_label(image, tag, label_entry(image, digest(content), info))
    repairs.add(f"{kept}; its version of {version.time:%Y-%m-%d %H:%M} UTC is put back: check it.")


def sweep_temporary(files: StudyFiles, before: float, repairs: Repairs) -> None:
    """Removes the temporary files of processes that were ended while they wrote.

    Args:
        files: the studies folder; of its folders only that of the labels is looked into.
        before: seconds since 1970; younger files may still be written.
        repairs: where the number is reported.
    """
    found = 0
    folders = [files.root, *(Path(folder) for folder, _, _ in os.walk(files.labels))]
    for path in (path for folder in folders for path in folder.glob(".*.tmp")):
        if TEMPORARY_NAME.fullmatch(path.name) and path.stat().st_mtime < before:
            path.unlink()
            found += 1
    if found:
        repairs.add(f"{found} half-written temporary files in {files.root} were removed.")
