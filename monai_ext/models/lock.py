"""One training at a time in a model folder, whichever process it runs in."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from monai_ext.landmarks import InputError, read_json, write_json_atomically

LOCK = ".training.lock"
#: Who holds the lock; without meaning while the lock is free, as after a kill.
HOLDER = ".training.holder.json"
#: Seconds that an attempt lasts: longer than another process inspects the lock.
PATIENCE = 0.5


class FolderBusyError(InputError):
    """Another process trains in the model folder."""


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Holds the model folder for one training; the system frees it when the process ends, however it ends.

    Under ``torchrun`` the first process holds it for all.

    Raises:
        FolderBusyError: another process holds it.
    """
    if int(os.environ.get("RANK") or 0) > 0:  # some job scripts set it empty
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise FolderBusyError(_refusal(folder)) from None
    try:
        since = datetime.now(timezone.utc).isoformat(" ", timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        write_json_atomically(folder / HOLDER, holder)
        try:
            yield
        finally:
            (folder / HOLDER).unlink(missing_ok=True)
    finally:
        lock.release()


def check_free(folder: Path) -> None:
    """Refuses a model folder in which a process trains now.

    Raises:
        FolderBusyError: it does.
    """
    if (folder / LOCK).exists():
        try:
            with FileLock(folder / LOCK).acquire(timeout=PATIENCE):
                return
        except Timeout:
            raise FolderBusyError(_refusal(folder)) from None


def _holder(folder: Path) -> dict[str, object]:
    try:
        document = read_json(folder / HOLDER)
    except InputError:
        return {}  # it is being written, or its process just ended
    return document if isinstance(document, dict) else {}


def _refusal(folder: Path) -> str:
    holder = _holder(folder)
    who = "another process"
    if holder:
        who = f"process {holder.get('pid')} on {holder.get('host')}, since {holder.get('since')}"
    return f"The network {folder.name!r} is being trained already, by {who}: wait until that ends, or stop it there."
