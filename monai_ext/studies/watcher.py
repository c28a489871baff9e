"""Tells the datastore when a person adds, changes or removes files of a studies folder."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from monai_ext.landmarks import InputError

from .study_files import label_image, split_image_file

logger = logging.getLogger(__name__)

#: Seconds without further events before the folder is read: one copied data set is one change.
QUIET_SECONDS = 0.3
#: Seconds after which the folder is read although events go on, as when another process writes all the time.
LONGEST_WAIT_SECONDS = 2.0
_IGNORED_EVENTS = ("opened", "closed_no_write")


class _StudiesHandler(FileSystemEventHandler):
    def __init__(self, studies: Path, index: Path, on_change: Callable[[], None]) -> None:
        self._studies = studies.resolve()
        self._index = index.name
        self._on_change = on_change
        self._timer: threading.Timer | None = None
        self._waiting_since = 0.0
        self._lock = threading.Lock()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _IGNORED_EVENTS:
            return
        paths = (str(event.src_path), str(getattr(event, "dest_path", "")))
        if not any(path and self._concerns(Path(path)) for path in paths):
            return
        with self._lock:
            now = time.monotonic()
            if self._timer is not None:
                if now - self._waiting_since > LONGEST_WAIT_SECONDS:
                    return
                self._timer.cancel()
            else:
                self._waiting_since = now
            self._timer = threading.Timer(QUIET_SECONDS, self._changed)
            self._timer.daemon = True
            self._timer.start()

    def _concerns(self, path: Path) -> bool:
        if path.parent == self._studies:
            if path.name == self._index or split_image_file(path) is not None:
                return True
            return not path.name.startswith(".") and not path.exists()  # a file that is gone may have been DICOM
        labels = self._studies / "labels"
        if path.parent == labels or (path.parent.parent == labels and not path.parent.name.startswith(".")):
            # A folder of labels that is moved in or out is one event.
            is_folder = path.suffix == "" and not path.name.startswith(".")
            return is_folder or label_image(path.name) is not None
        return False

    def _changed(self) -> None:
        with self._lock:
            self._timer = None  # what happens from now on is the next change
        try:
            self._on_change()
        except (OSError, InputError) as error:
            logger.error("The studies folder %s could not be read again after a change: %s", self._studies, error)


def watch_studies(studies: Path, index: Path, on_change: Callable[[], None], *, polling: bool) -> None:
    """Calls ``on_change`` in a background thread after images, labels or the index changed.

    ``polling`` looks every second, for network drives and container volumes, which send no events.
    """
    observer = PollingObserver() if polling else Observer()
    observer.schedule(_StudiesHandler(studies, index, on_change), str(studies.resolve()), recursive=True)
    observer.daemon = True
    try:
        observer.start()
    except OSError as error:
        logger.warning(
            "The studies folder %s cannot be watched (%s): restart the server after adding files by hand.",
            studies,
            error,
        )
