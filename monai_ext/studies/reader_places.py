"""Tags of several readers of an image: whose label lies where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ConflictError
from .readers import DRAFTS, READINGS, reader_key
from .records import ImageEntry, LabelEntry

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
