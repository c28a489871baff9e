"""The one lock under which a studies folder changes, between threads and processes: of a server and of commands."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from monai_ext.landmarks import InputError

from .errors import LockedError, StorageError

LOCK_FILE, LOCK_SECONDS = ".lock", 30.0
logging.getLogger("filelock").setLevel(logging.ERROR)  # it reports every acquisition


class StoreLock:
    """A lock that its holder may take again; the system frees it when the holder's process ends, however it ends.

    The lock file itself stays and says nothing about whether the lock is held.
    """

    def __init__(self, path: Path, seconds: float = LOCK_SECONDS) -> None:
        self.path = path
        self._seconds = seconds
        self._threads = threading.RLock()
        self._processes = FileLock(str(path))

    def __enter__(self) -> StoreLock:
        """Takes the lock.

        Raises:
            LockedError: it is held for too long elsewhere.
            StorageError: the folder cannot be written, so that nobody can take it.
        """
        deadline = time.monotonic() + self._seconds
        if not self._threads.acquire(timeout=self._seconds):
            raise self._busy()
        try:
            self._processes.acquire(timeout=max(deadline - time.monotonic(), 0.1))
        except Timeout:
            self._threads.release()
            raise self._busy() from None
        except OSError as error:
            self._threads.release()
            raise StorageError(
                f"The studies folder {self.path.parent} cannot be written ({error.strerror or error}): nothing was "
                "changed; permit the user who runs this program to write to it, or mount its disk for writing."
            ) from error
        except BaseException:
            self._threads.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.release()
        self._threads.release()

    def _busy(self) -> LockedError:
        return LockedError(
            f"The studies folder is locked: {self.path} was held for more than {self._seconds:g} seconds by another "
            "request or process; try again, or end the process that holds it."
        )


@contextmanager
def studies_lock(studies: Path) -> Iterator[None]:
    """Holds a studies folder, which exists, while a command changes it.

    Raises:
        InputError: another process holds it for too long.
    """
    with ExitStack() as held:
        try:
            held.enter_context(StoreLock(studies / LOCK_FILE))
        except LockedError:
            raise InputError(f"{studies} is in use by another process; try again when its change is done.") from None
        yield
