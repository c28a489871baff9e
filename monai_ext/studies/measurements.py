"""Measurements of the final labels of a studies folder, read without a server."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monai_ext.images import read_frame
from monai_ext.landmarks import (
    InputError,
    Markups,
    MeasurementRow,
    Protocol,
    measurement_rows,
    protocol_of,
    read_label,
    unusable_row,
)

from .folder import Studies
from .index_file import label_notes, read_index
from .readers import stated_annotator


def label_rows(
    image: str, image_path: Path, label_path: Path, protocols: Mapping[str, Protocol], notes: Mapping[str, Any]
) -> list[MeasurementRow]:
    """The measurements of one final label; one row with the reason where it cannot be used.

    Args:
        image: the image ID.
        image_path: its file.
        label_path: the markups file.
        protocols: the label is of the one that its notes name, else of the only one that has all its landmarks.
        notes: on the label, as the server keeps them; where they name no annotator, the file does.
    """
    stated = notes.get("protocol")
    name = stated if isinstance(stated, str) else ""
    try:
        frame = read_frame(image_path)
        if name and name not in protocols:
            return [unusable_row(image, name, f"The protocol {name!r} of the label is unknown here.")]
        markups = Markups.read(label_path, label_path.name)
        protocol = protocols[name] if name else protocol_of(markups.landmarks(frame).names, protocols)
        if not notes.get("annotator") and (annotator := stated_annotator(markups.document)):
            notes = {**notes, "annotator": annotator}
        return measurement_rows(protocol, image, read_label(markups, frame, protocol), notes)
    except InputError as error:
        return [unusable_row(image, name, str(error))]


def study_rows(
    studies: Studies, protocols: Mapping[str, Protocol], image: str | None = None, only: str | None = None
) -> Iterator[list[MeasurementRow]]:
    """The measurements of each final label of a studies folder, by image ID.

    Args:
        studies: the folder.
        protocols: those that labels may be of.
        image: the ID of one image; None takes them all.
        only: the name of a protocol: labels that are noted for another one are left out, with a warning.

    Raises:
        InputError: there is no such image, it has no final label, or the index of the folder is damaged.
    """
    images, index = studies.images(), read_index(studies.root)
    if image is not None:
        (image,) = studies.known_ids([image])
    labelled = [known for known in studies.labelled() if image in (None, known)]
    if image is not None and not labelled:
        raise InputError(f"The image {image!r} has no final label: it cannot be measured yet.")
    others = 0
    for known in labelled:
        notes = label_notes(index, known, "final", studies.label_path(known))
        if only is not None and notes.get("protocol") not in (None, only):
            others += 1
            continue
        yield label_rows(known, images[known], studies.label_path(known), protocols, notes)
    if others:
        warnings.warn(f"{others} final labels of protocols other than {only} are left out.", stacklevel=2)
