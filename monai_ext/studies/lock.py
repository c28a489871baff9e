"""The lock under which a studies folder changes: a command holds it as the server's store does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from monai_ext.landmarks.errors import InputError

LOCK_FILE, LOCK_SECONDS = ".lock", 30.0


@contextmanager
def studies_lock(studies: Path) -> Iterator[None]:
    """Holds a studies folder, which exists; the system frees it when the process ends, however it ends.

    Raises:
        InputError: another process holds it for too long.
    """
    lock = FileLock(str(studies / LOCK_FILE))
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise InputError(f"{studies} is in use by another process; try again when its change is done.") from None
    try:
        yield
    finally:
        lock.release()
