"""Ends of a run before its time: a requested stop, and lack of memory or of disk space."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from monai_ext.landmarks import InputError

#: Says whether a run should stop.
Stop = Callable[[], bool]

#: Error numbers of a write that has no room: a full disk, a used-up quota, a limit of file sizes.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: Words of untyped errors that mean a lack of memory: CPU allocations of torch, killed processes that load images.
MEMORY_WORDS = ("DefaultCPUAllocator: ", "not enough memory", "out of shared memory", "killed by signal: Killed")


class StoppedError(Exception):
    """Work was aborted because a stop was requested."""


class StopSwitch:
    """A stop that is requested once and stays requested; safe to use in a signal handler and from any thread.

    Attributes:
        cause: why, as the end of a sentence, e.g. "because the server ended"; may be empty.
    """

    def __init__(self) -> None:
        # no threading.Event: two signals at once would wait for its lock within one thread
        self._asked = False
        self.cause = ""

    def __call__(self) -> bool:
        """True once a stop was requested."""
        return self._asked

    def ask(self, cause: str = "") -> None:
        """Asks for a stop; the first cause stays."""
        if not self._asked:
            self.cause = cause
        self._asked = True


@contextmanager
def stopped_by_signals(stop: StopSwitch) -> Iterator[None]:
    """While the block runs, SIGTERM and the first Ctrl+C ask for a stop instead of ending the process.

    A second Ctrl+C interrupts at once. Outside the main thread, which alone may handle signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.ask()

    before: dict[int, Any] = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def never() -> bool:
    """A run that is never stopped."""
    return False


class ResourceError(InputError):
    """Training cannot go on for lack of memory or disk space."""


def is_out_of_memory(error: BaseException) -> bool:
    """True for a lack of memory, and for an error that one caused."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:  # an error that is raised again may be its own context
        seen.add(id(cause))
        if isinstance(cause, (torch.OutOfMemoryError, MemoryError)):
            return True
        if isinstance(cause, RuntimeError) and any(words in str(cause) for words in MEMORY_WORDS):
            return True
        if isinstance(cause, OSError) and cause.errno == errno.ENOMEM:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def memory_sentence(device: str, batch_sizes: list[int]) -> str:
    """The sentence for a user whose memory was not enough for the batch sizes that were tried, largest first."""
    tried = ", and not for ".join(f"batches of {size}" for size in batch_sizes)
    advice = "" if batch_sizes[-1] == 1 else "set batch_size to 1, or "
    return (
        f"The memory of {device} is not enough for {tried}: {advice}set a smaller input_size or network in the "
        "protocol, or train where there is more memory."
    )


@contextmanager
def full_disk_explained(folder: Path) -> Iterator[None]:
    """Within the block, a write without room is raised as one sentence.

    Raises:
        ResourceError: there was no room.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise ResourceError(
            f"There is no room on the disk to save the training of {folder.name!r} ({error.strerror}): free some space "
            "and train again, which continues from the last saved state; the published network is unchanged."
        ) from error
