"""Writes notes on labels into the index, many at once: one write takes as long as a save."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, NamedTuple

from monai_ext.landmarks import InputError

from ..datastore import LandmarkDatastore
from .review_note import NOTE

logger = logging.getLogger(__name__)

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
    """Notes that wait to be written; safe to use from many threads.

    Args:
        datastore: the studies.
    """

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
        """Seconds until the notes are due; None where none waits."""
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
