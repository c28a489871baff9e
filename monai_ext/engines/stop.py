"""How a run is asked to stop: between two steps, with its state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: Says whether a run should stop.
Stop = Callable[[], bool]


class StoppedError(Exception):
    """Work was given up because a stop was asked for."""


class StopSwitch:
    """A stop that is asked for once and stays asked for; safe to use in a signal handler and from any thread.

    Attributes:
        cause: why, as the end of a sentence, e.g. "because the server ended"; may be empty.
    """

    def __init__(self) -> None:
        # no threading.Event: two signals at once would wait for its lock within one thread
        self._asked = False
        self.cause = ""

    def __call__(self) -> bool:
        """Whether a stop was asked for."""
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
    """A run that nobody stops."""
    return False
