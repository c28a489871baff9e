"""Work beside the requests: one kind of thread, with one way to wake and to stop it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

#: Seconds until work that failed unexpectedly is tried again.
RETRY_SECONDS = 1.0


class Background:
    """A thread that does one piece of work after the other, and sleeps while there is nothing to do.

    It ends with the process, in the middle of its work unless :meth:`stop` is called before. Safe to use from many
    threads.

    Args:
        name: of the thread.
        work: does a piece of work; returns the seconds after which there is more to do, or None if there is nothing
            to do until :meth:`wake`. What it raises is logged.
        prepare: called in the thread before its first work.
    """

    def __init__(self, name: str, work: Callable[[], float | None], prepare: Callable[[], None] = lambda: None) -> None:
        self._name, self._work, self._prepare = name, work, prepare
        self._changed = threading.Condition()
        self._calls = 0
        self._due: float | None = None
        self._thread: threading.Thread | None = None
        self.stopping = False

    @property
    def calls(self) -> int:
        """Returns how often it was woken; work that takes long compares it to see whether something changed."""
        return self._calls

    def start(self) -> None:
        """Starts the thread, which begins with work; does nothing where it was started before."""
        with self._changed:
            if self._thread is not None:
                return
            self._due = time.monotonic()
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()

    def is_running(self) -> bool:
        """Returns whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self, seconds: float = 0.0) -> None:
        """Has it work, now or in some seconds, also when it works already; before :meth:`start` it does nothing."""
        with self._changed:
            self._calls += 1
            self._set_due(seconds)
            self._changed.notify_all()

    def stop(self, seconds: float = 10.0) -> None:
        """Ends the thread after the piece of work that it is at; waits for that some seconds."""
        with self._changed:
            self.stopping = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _serve(self) -> None:
        self._prepare()
        while self._wait():
            try:
                seconds = self._work()
            except Exception:  # of this program; the thread goes on
                logger.exception("The work of %s failed.", self._name)
                seconds = RETRY_SECONDS
            if seconds is not None:
                with self._changed:
                    self._set_due(seconds)

    def _wait(self) -> bool:
        """Sleeps until work is due; returns whether the thread goes on."""
        with self._changed:
            while not self.stopping:
                left = None if self._due is None else self._due - time.monotonic()
                if left is not None and left <= 0:
                    self._due = None
                    return True
                self._changed.wait(left)
            return False

    def _set_due(self, seconds: float) -> None:
        due = time.monotonic() + seconds
        self._due = due if self._due is None else min(self._due, due)
