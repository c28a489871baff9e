"""Ends of training processes: why one ended, and how it ends when its server has ended."""

from __future__ import annotations

import atexit
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from monai_ext.engines import StopSwitch

logger = logging.getLogger(__name__)


#: What a training process says last where it knows why it failed.
FAILED = "Training failed: "
#: In the environment of a process that was started for one training: the identity of that.
PROCESS_VARIABLE = "LANDMARKS_TRAINING_PROCESS"
#: In that environment: process ID of the server. It may end while the training still loads its libraries.
SERVER_VARIABLE = "LANDMARKS_SERVER_PROCESS"
#: Of a file in a message of Python; a client has no use for the server's folders.
_PATH = re.compile(r" \((?:/|[A-Za-z]:\\)[^)]*\)")
_LONGEST = 300


@dataclass(frozen=True)
class Ending:
    """End of a training process.

    Attributes:
        code: its exit code; negative: the signal that ended it; None: it never started.
        last_line: what it said last.
        asked: whether a person asked it to stop.
        forced: whether it did not stop in time and was killed.
        task: what is kept of the training.
    """

    code: int | None
    last_line: str = ""
    asked: bool = False
    forced: bool = False
    task: dict[str, Any] | None = field(default=None, compare=False)

    @property
    def sentence(self) -> str:
        """Tells why it ended."""
        if self.asked:
            return "Training did not stop in time and was ended." if self.forced else "Training was stopped."
        if self.code is not None and self.code < 0:
            return _of_signal(-self.code)
        if self.last_line.startswith(FAILED):
            return self.last_line.removeprefix(FAILED)[:_LONGEST]
        said = _PATH.sub("", self.last_line)[:_LONGEST]
        if self.code is None:
            return f"The training process could not be started ({said}): free memory or processes of the server."
        if not said or self.code == 0:
            return f"The training process ended early with code {self.code}; see the server's log."
        return f"The training process ended early ({said}); see the server's log."


def _of_signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if name == "SIGKILL":
        return (
            "The training process was ended by the system (SIGKILL), most likely for lack of memory: set a smaller "
            "batch_size, or free memory."
        )
    if name in ("SIGTERM", "SIGINT", "SIGHUP"):
        return f"The training process was ended by another program ({name})."
    return f"The training process crashed ({name}), in code below Python; see the server's log."


def end_soon(code: int) -> None:
    """Has a process that was started for one training end at once when its program is at its end.

    Python would take seconds to take all libraries apart, while the next training waits.
    """
    if PROCESS_VARIABLE in os.environ:
        atexit.register(_leave, code)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


SECONDS_BETWEEN_LOOKS = 1.0
#: Seconds that a training has to save itself.
GRACE = 15.0
CAUSE = "The server ended."


@contextmanager
def ends_with_parent(stop: StopSwitch, on_lost: Callable[[], None]) -> Iterator[None]:
    """While the block runs, asks for a stop when the parent process has ended, and soon ends this process.

    Nobody could watch or stop such a training, and the next server would not know of it.

    Args:
        stop: what is requested at first, so that the run is saved.
        on_lost: called before the process ends because it did not stop.
    """
    parent = int(os.environ.get(SERVER_VARIABLE, os.getppid()))
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(SECONDS_BETWEEN_LOOKS):
            if os.getppid() != parent:
                logger.warning("The server has ended; training stops.")
                stop.ask(CAUSE)
                if not finished.wait(GRACE):
                    on_lost()
                    os._exit(1)
                return

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
    try:
        yield
    finally:
        finished.set()
