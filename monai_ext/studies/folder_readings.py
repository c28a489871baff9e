"""The labels of several readers in a studies folder: read with the names of who made them, and added by a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from monai_ext.images import read_frame
from monai_ext.landmarks import (
    InputError,
    Landmarks,
    Markups,
    Protocol,
    json_text,
    markups_document,
    read_json,
    read_label,
)

from .folder import Studies
from .index_file import label_notes, read_index
from .readers import (
    ANNOTATOR,
    CONSENSUS_OF,
    READINGS,
    Consensus,
    consensus,
    consensus_content,
    reader_key,
    stated_annotator,
    stated_sources,
)
from .records import StudiesIndex, first_submission


@dataclass(frozen=True)
class ReadImage:
    """An image that two readers have labelled.

    Attributes:
        image: its ID.
        readers: the landmarks that each one placed, by name, in the order of their tags.
        consensus: what they say together.
        proposed: for each name, and for the label made of both under an empty one, what a server noted when it was
            first submitted: ``model_version``, ``displacement`` and ``unit``.
    """

    image: str
    readers: Mapping[str, Landmarks]
    consensus: Consensus
    proposed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class NewReading(NamedTuple):
    """The files that a reader's label adds to a studies folder.

    Attributes:
        files: their content by tag.
        drop_final: whether the present label ``final`` goes, as the readers agree on no landmark.
    """

    files: dict[str, bytes]
    drop_final: bool = False


def read_readings(studies: Studies, protocol: Protocol, problems: list[str] | None = None) -> list[ReadImage]:
    """The images that two readers have labelled for a protocol, by ID.

    Args:
        studies: the folder.
        protocol: the landmark task.
        problems: takes a sentence for each image that cannot be read and is left out; None refuses it.

    Raises:
        InputError: the folder or its index cannot be read, or a label may not be used for its image.
    """
    images, index = studies.images(), read_index(studies.root)
    found = []
    for image, path in images.items():
        places = [tag for tag in READINGS if studies.label_path(image, tag).is_file()]
        notes = {tag: label_notes(index, image, tag, studies.label_path(image, tag)) for tag in ("final", *places)}
        others = any(notes[tag].get("protocol") not in (None, protocol.name) for tag in places)
        if len(places) < len(READINGS) or others:
            continue
        try:
            frame = read_frame(path)
        except InputError as error:
            if problems is None:
                raise
            problems.append(str(error).rstrip("."))
            continue
        names = {tag: annotator(studies, index, image, tag) or tag for tag in places}
        readers = {names[tag]: read_label(studies.label_path(image, tag), frame, protocol) for tag in places}
        if len(readers) < len(places):
            raise InputError(f"{image} has two labels of {names[places[0]]!r}: remove one of {', '.join(places)}.")
        noted = {names.get(tag, ""): first_submission(about) for tag, about in notes.items()}
        found.append(ReadImage(image, readers, consensus(list(readers.values())), noted))
    return found


def annotator(studies: Studies, index: StudiesIndex | None, image: str, tag: str) -> str:
    """Returns who made a label, as its file or else the server's index says; empty if neither does."""
    stated = stated_annotator(read_json(studies.label_path(image, tag)))
    if stated:
        return stated
    info = label_notes(index, image, tag, studies.label_path(image, tag))
    name = info.get("annotator") or info.get("client_id")
    return name if isinstance(name, str) else ""


def new_reading(
    studies: Studies,
    index: StudiesIndex | None,
    image: str,
    landmarks: Landmarks,
    name: str,
    descriptions: Mapping[str, str] | None = None,
    *,
    overwrite: bool = False,
) -> NewReading:
    """Returns what a reader's label changes in a studies folder: the label, and ``final`` rebuilt of all readings.

    A ``final`` label of a time with one reader becomes the first reading; one that a person made of the readings by
    hand stays as it is.

    Args:
        studies: the folder; need not exist.
        index: of the server, which knows who made the labels that are there.
        image: the ID.
        landmarks: of the label.
        name: the reader.
        descriptions: what the reader wrote of points, by landmark.
        overwrite: the reader's own label may be there already, and is replaced.

    Raises:
        InputError: the image has a label of that reader, or its readers already.
    """
    final = studies.label_path(image)
    known = {tag: studies.label_path(image, tag) for tag in READINGS if studies.label_path(image, tag).is_file()}
    contents = {tag: path.read_bytes() for tag, path in known.items()}
    names = {tag: annotator(studies, index, image, tag) for tag in known}
    made = stated_sources(read_json(final)) if final.is_file() else {}
    files: dict[str, bytes] = {}
    if not known and final.is_file():
        first = READINGS[0]
        names[first] = annotator(studies, index, image, "final")
        files[first] = _adopted(final, names[first])
    own = next((tag for tag, other in names.items() if reader_key(other) == reader_key(name)), None)
    if own is not None and not overwrite:
        raise InputError(f"The image {image!r} has a label of {name!r}: use --overwrite to replace it.")
    place = own or next((tag for tag in READINGS if tag not in names), None)
    if place is None:
        both = ", ".join(other or "one without a name" for other in names.values())
        raise InputError(f"The image {image!r} has its {len(names)} readers ({both}): a label of {name!r} is too many.")
    document = {ANNOTATOR: name, **markups_document(landmarks, descriptions=descriptions)}
    files[place] = json_text(studies.label_path(image, place), document).encode()
    if known and made is None:
        return NewReading(files)
    everything = {tag: content for tag in READINGS if (content := files.get(tag) or contents.get(tag)) is not None}
    content = consensus_content(everything, landmarks.frame).content
    if content is None:
        return NewReading(files, drop_final=final.is_file())
    return NewReading({**files, "final": content})


def _adopted(final: Path, name: str) -> bytes:
    return Markups.read(final).with_fields({CONSENSUS_OF: None, ANNOTATOR: name or None}).content
