"""Notes on the review of a label, in its info; many are written at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from monai_ext.active import FEWEST_LABELS, REVIEWED, Flag
from monai_ext.landmarks import InputError

from ..datastore import LandmarkDatastore

logger = logging.getLogger(__name__)


NOTE = "review"


def review_note(flags: Sequence[Flag], model_version: str | None, labels: int) -> dict[str, Any]:
    """The note.

    Args:
        flags: what was found; none where the label is plausible.
        model_version: of the model that the label was set against, None if there was none.
        labels: how many other labels it was set against.
    """
    return {"model_version": model_version, "labels": labels, "flags": [flag.to_dict() for flag in flags]}


def note_of(info: Mapping[str, Any]) -> dict[str, Any] | None:
    """The note in a label's info; None if the label as it is was not reviewed."""
    note = info.get(NOTE)
    whole = isinstance(note, dict) and isinstance(note.get("labels"), int) and "model_version" in note
    return note if whole else None


def is_confirmed(info: Mapping[str, Any]) -> bool:
    """Returns whether a person looked at the flags of a label and stands by it."""
    return info.get(REVIEWED) is True


def flags_of(info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``{"kind", "landmarks", "sentence", "size"}`` of each flag of a label; none of a confirmed one."""
    note = note_of(info)
    flags = note.get("flags") if note is not None and not is_confirmed(info) else None
    if not isinstance(flags, list):
        return []
    told = ("kind", "landmarks", "sentence", "size")
    return [{name: flag.get(name) for name in told} for flag in flags if isinstance(flag, dict)]


def has_outgrown(labels: int, noted: int) -> bool:
    """Returns whether there are so many more labels than at a review that their orders are worth another review."""
    enough = FEWEST_LABELS - 1  # beside the one that is reviewed
    return labels >= enough and (noted < enough or labels >= 2 * noted)


#: Notes that are written at once, and seconds after which fewer are.
BATCH, SAVE_SECONDS = 50, 5.0


class PendingNote(NamedTuple):
    """A note that is not in the index yet.

    Attributes:
        sha256: of the label file that it is about.
        note: what is noted.
    """

    sha256: str
    note: dict[str, Any]


class NoteWriter:
    """Notes that wait to be written; safe to use from many threads."""

    def __init__(self, datastore: LandmarkDatastore) -> None:
        self._datastore = datastore
        self._lock = threading.Lock()
        self._pending: dict[str, PendingNote] = {}
        self._since = 0.0

    def add(self, image: str, note: PendingNote) -> None:
        with self._lock:
            if not self._pending:
                self._since = time.monotonic()
            self._pending[image] = note

    def get(self, image: str) -> PendingNote | None:
        """The note on an image's final label that waits."""
        return self._pending.get(image)

    def seconds_left(self) -> float | None:
        """Seconds until the notes are due; None if none waits."""
        with self._lock:
            if not self._pending:
                return None
            return 0.0 if len(self._pending) >= BATCH else max(0.0, self._since + SAVE_SECONDS - time.monotonic())

    def write(self) -> None:
        """Writes the notes on labels that are still those that the notes are about; keeps them where that fails."""
        with self._lock:
            pending, self._pending = self._pending, {}
        if not pending:
            return
        notes = {image: (waiting.sha256, {NOTE: waiting.note}) for image, waiting in pending.items()}
        try:
            self._datastore.note_labels("final", notes)
        except InputError as error:
            logger.warning("The review of %d labels could not be noted, and is tried again: %s", len(pending), error)
            with self._lock:
                self._pending = {**pending, **self._pending}
                self._since = time.monotonic()
