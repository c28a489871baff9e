"""Several readers of one image: where their labels lie, who made which, and the label that they make together.

Each reader's finished label lies under a tag of its own (:data:`READINGS`). What trains and is evaluated is the label
``final`` as in any study: made from the readings (see :func:`consensus_content`), it states which ones it was made of.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from monai_ext.images import is_printable
from monai_ext.landmarks import Frame, InputError, Landmarks, Markups, Status, markups_document, parse_markups

from .records import ImageEntry, LabelEntry

#: The tags of the finished labels of the first and of the second reader.
READINGS = ("reader1", "reader2")
#: The tags of their drafts.
DRAFTS = ("draft", "draft2")
#: Characters of a reader's name.
LONGEST_NAME = 200
#: Fields of a markups document: who made a reading; and of which readings, by their SHA-256, a ``final`` label is made.
ANNOTATOR, CONSENSUS_OF = "annotator", "consensusOf"


class ConflictError(InputError):
    """The change is right, but the present state does not allow it."""


class Consensus(NamedTuple):
    """Consensus of several readings of one image.

    Attributes:
        landmarks: the mean of the defined points; undefined where the readers disagree.
        disagreements: landmarks that one reader placed and another states to be missing.
    """

    landmarks: Landmarks
    disagreements: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        """Returns whether a landmark is defined or missing."""
        return bool((self.landmarks.status != Status.UNDEFINED).any())


class ConsensusFile(NamedTuple):
    """A ``final`` label made of readings.

    Attributes:
        content: of the markups file; None if the readings agree on no landmark.
        found: what they say.
    """

    content: bytes | None
    found: Consensus


def reader_key(name: str) -> str:
    """Returns the key of a reader: the name without regard to case, Unicode form and surrounding blanks."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def checked_name(name: str) -> str:
    """A reader's name, without the blanks around it.

    Raises:
        InputError: it cannot be noted, or would read as several.
    """
    found = name.strip()
    if not found or len(found) > LONGEST_NAME or not is_printable(found) or "," in found:
        raise InputError(
            f"The annotator {name[:80]!r} is not a name: use 1 to {LONGEST_NAME} printable characters without a comma."
        )
    return found


def consensus(readings: Sequence[Landmarks]) -> Consensus:
    """The mean of the points that readers placed.

    A landmark that one reader left undefined is as the other has it. Where one placed it and another states that it
    is missing, nothing is averaged: it is undefined, so that it does not train until they agree.

    Args:
        readings: at least one, of one image; the names may differ.

    Returns:
        Landmarks in the order of the first reading, then of the others.
    """
    names = tuple(dict.fromkeys(name for reading in readings for name in reading.names))
    same = [reading.reordered(names) for reading in readings]
    status = np.stack([reading.status for reading in same])
    defined, missing = status == Status.DEFINED, status == Status.MISSING
    disagree = defined.any(axis=0) & missing.any(axis=0)
    points = np.full((len(names), 2), np.nan)
    codes = np.full(len(names), int(Status.UNDEFINED))
    codes[missing.any(axis=0) & ~disagree] = Status.MISSING
    for k in np.flatnonzero(defined.any(axis=0) & ~disagree):
        points[k] = np.mean([reading.points[k] for reading in same if reading.defined[k]], axis=0)
        codes[k] = Status.DEFINED
    found = Landmarks(names, points, readings[0].frame, codes)
    return Consensus(found, tuple(name for name, differs in zip(names, disagree, strict=True) if differs))


def consensus_content(readings: Mapping[str, bytes | Markups], frame: Frame) -> ConsensusFile:
    """The ``final`` label that readings make together; of one reading its own content.

    Args:
        readings: markups files by tag, at least one: their content, or what was parsed of it.
        frame: of their image.

    Raises:
        InputError: a reading cannot be used for the image; names its tag.
    """
    parsed = {
        tag: parse_markups(reading, f"The label {tag!r}") if isinstance(reading, bytes) else reading
        for tag, reading in readings.items()
    }
    found = consensus([markups.landmarks(frame) for markups in parsed.values()])
    if not found.says_something:
        return ConsensusFile(None, found)
    made_of = {CONSENSUS_OF: sources({tag: markups.content for tag, markups in parsed.items()})}
    if len(parsed) == 1:
        markups = next(iter(parsed.values()))
        return ConsensusFile(markups.with_frame(frame).with_fields(made_of).content, found)
    names = ", ".join(name for markups in parsed.values() if (name := stated_annotator(markups.document)))
    document = {**made_of, **markups_document(found.landmarks), ANNOTATOR: names}
    return ConsensusFile(json.dumps(document, indent=2, allow_nan=False).encode(), found)


def sources(readings: Mapping[str, bytes]) -> dict[str, str]:
    """The readings that a label is made of, by tag: the SHA-256 of their contents."""
    return {tag: hashlib.sha256(content).hexdigest() for tag, content in readings.items()}


def stated_annotator(document: Any) -> str:
    """Returns who made a label by its document; empty if it does not say."""
    name = document.get(ANNOTATOR) if isinstance(document, dict) else None
    return name.strip() if isinstance(name, str) else ""


def stated_sources(document: Any) -> dict[str, str] | None:
    """Of which readings a label is made by its document; None if it is a label of its own."""
    field = document.get(CONSENSUS_OF) if isinstance(document, dict) else None
    if not isinstance(field, dict) or not all(isinstance(value, str) for value in field.values()):
        return None
    return {str(tag): value for tag, value in field.items()}


#: In the info of a ``final`` label that is made of readings: their SHA-256 by tag.
READINGS_NOTE = "consensus_of"
#: Name of every user of a MONAI Label server without sign-in.
ANYBODY = "admin"


def reader_of(info: Mapping[str, Any]) -> str:
    """Returns who made a label; empty if unknown."""
    names = [info.get("annotator"), info.get("client_id")]
    if info.get("user") != ANYBODY:
        names.append(info.get("user"))
    return next((name.strip() for name in names if isinstance(name, str) and name.strip()), "")


def is_consensus(info: Mapping[str, Any]) -> bool:
    """Returns whether a ``final`` label is made of readings, and not a label of its own."""
    return isinstance(info.get(READINGS_NOTE), Mapping)


def readings(entry: ImageEntry) -> dict[str, LabelEntry]:
    """The finished labels of the readers by tag.

    In a study that began with one reader that is the label ``final``, until a second reader comes.
    """
    found = {tag: entry.labels[tag] for tag in READINGS if tag in entry.labels}
    final = entry.labels.get("final")
    return found if found or final is None else {"final": final}


def drafts(entry: ImageEntry) -> dict[str, LabelEntry]:
    """The drafts of the readers by tag."""
    return {tag: entry.labels[tag] for tag in DRAFTS if tag in entry.labels}


def finished_by(entry: ImageEntry) -> list[str]:
    """The readers whose labels are finished; empty text for an unknown one."""
    return [reader_of(label.info) for label in readings(entry).values()]


def readers(entry: ImageEntry) -> list[str]:
    """The readers of an image: those who finished, then those who began. Drafts by unknown persons do not count."""
    begun = [name for label in drafts(entry).values() if (name := reader_of(label.info))]
    found: dict[str, str] = {}
    for name in [*finished_by(entry), *begun]:
        found.setdefault(reader_key(name), name)
    return list(found.values())


def _unnamed(entry: ImageEntry, tag: str) -> list[str]:
    """Returns where drafts of unknown persons lie, whose places readers take where there is no other."""
    return [place for place, label in drafts(entry).items() if not reader_of(label.info)] if tag == "draft" else []


def has(names: list[str], reader: str) -> bool:
    """Returns whether a reader is among some."""
    return reader_key(reader) in map(reader_key, names)


def is_same(name: str, other: str) -> bool:
    """Returns whether two names are one reader's."""
    return reader_key(name) == reader_key(other)


def own_tag(entry: ImageEntry, tag: str, reader: str) -> str | None:
    """Returns where the label of a reader lies; None if there is none.

    Args:
        entry: the image.
        tag: ``final`` or ``draft``, as requests call it.
        reader: the name.
    """
    held = readings(entry) if tag == "final" else drafts(entry)
    return next((place for place, label in held.items() if is_same(reader_of(label.info), reader)), None)


def place_for(image: str, entry: ImageEntry, tag: str, reader: str, most: int) -> str:
    """Returns where a reader's label is to lie.

    A draft of an unknown person gives way where no other place is free, and stays as an earlier version.

    Args:
        image: its ID, for messages.
        entry: the image, whose ``final`` label lies among the readings.
        tag: ``final`` or ``draft``.
        reader: the name.
        most: how many readers an image may have.

    Raises:
        ConflictError: the image has its readers already.
    """
    own = own_tag(entry, tag, reader)
    if own is not None:
        return own
    known = readers(entry)
    places = READINGS if tag == "final" else DRAFTS
    free = [place for place in places if place not in entry.labels] or _unnamed(entry, tag)
    if not free or (not has(known, reader) and len(known) >= most):
        names = ", ".join(name or "one without a name" for name in known)
        raise ConflictError(
            f"The image {image!r} has its {len(known)} readers ({names}): a label of {reader!r} is not accepted; "
            f"request "
            "another image, or check the name."
        )
    return free[0]
