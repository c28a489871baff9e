"""Structured reports of the labels of a studies folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from monai_ext.images import read_frame
from monai_ext.landmarks import (
    InputError,
    Markups,
    Protocol,
    protocol_of,
    read_label,
    write_atomically,
)
from monai_ext.studies import Studies, label_notes, read_index, stated_annotator

from .write import Observers, structured_report

EXTENSION = ".sr.dcm"
#: The word that ``--format`` takes for reports: one is of a DICOM image and its protocol, and no table.
REPORTS = "dicom-sr"
#: The tag of what a network proposed.
PROPOSED = "original"


def write_reports(
    studies: Studies,
    images: Mapping[str, Path],
    tag: str,
    protocols: Mapping[str, Protocol],
    folder: Path,
    on_image: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Writes a report of each image's label, ``ID.sr.dcm``; all are complete before the first is written.

    Who labelled, and which version of a network proposed, is taken from the notes that the server keeps; where they
    name no annotator, from the label's file. The account that a request came from stands for nobody.

    Args:
        studies: the folder.
        images: files of the images by ID; each has a label.
        tag: of the labels.
        protocols: by name; a label is of the one that its notes name, else of the only one that has all its landmarks.
        folder: of the reports; made where it is not there.
        on_image: called after each image.

    Raises:
        InputError: an image is no DICOM image, a label cannot be used or names nobody (see :func:`structured_report`).
    """
    index, reports = read_index(studies.root), {}
    for id, path in images.items():
        label, frame = studies.label_path(id, tag), read_frame(path)
        notes = label_notes(index, id, tag, label)
        name = notes.get("protocol")
        if name and name not in protocols:
            raise InputError(
                f"The label of {id} belongs to the protocol {name!r}, not to one of {', '.join(protocols)}."
            )
        markups = Markups.read(label)
        protocol = protocols[name] if name else protocol_of(markups.landmarks(frame).names, protocols)
        person = ""
        if tag != PROPOSED:  # a proposal was not reviewed by a person
            person = str(notes.get("annotator") or "") or stated_annotator(markups.document)
        observers = Observers(person, str(notes.get("model_version") or ""))
        if not any(observers):
            raise InputError(
                f"The label of {id} names neither an annotator nor a network, but a report must: save it again "
                "under a name."
            )
        report = structured_report(path, read_label(markups, frame, protocol, tag), protocol, observers)
        stream = io.BytesIO()
        report.save_as(stream, write_like_original=False)
        reports[folder / f"{id}{EXTENSION}"] = stream.getvalue()
        on_image()
    folder.mkdir(parents=True, exist_ok=True)
    for target, content in reports.items():
        write_atomically(target, content)
    return list(reports)
