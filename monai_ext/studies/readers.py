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

from monai_ext.landmarks import Frame, InputError, Landmarks, Markups, Status, markups_document, parse_markups

#: The tags of the finished labels of the first and of the second reader.
READINGS = ("reader1", "reader2")
#: The tags of their drafts.
DRAFTS = ("draft", "draft2")
#: Characters of a reader's name.
LONGEST_NAME = 200
#: Fields of a markups document: who made a reading; and of which readings, by their SHA-256, a ``final`` label is made.
ANNOTATOR, CONSENSUS_OF = "annotator", "consensusOf"


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
    if not found or len(found) > LONGEST_NAME or not found.isprintable() or "," in found:
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
