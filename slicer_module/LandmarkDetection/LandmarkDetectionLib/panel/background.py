"""Work in threads, whose results come back in the GUI thread."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import qt

from ..errors import ClientError
from ..words import tr as _

_POLL_MILLISECONDS = 20
# The application may hold Python's lock while no Python runs; each tick gives it to the threads for a moment.
_YIELD_SECONDS = 0.001


class UnexpectedError(ClientError):
    """A job failed in a way that was not foreseen; the log has the details."""


@dataclass
class _Task:
    """One job under way."""

    key: str
    words: str
    done: Callable[[Any], object]
    failed: Callable[[ClientError], object]
    quiet: bool


class Background:
    """Runs jobs, each in a thread of its own, and gives each result to a function in the GUI thread.

    A timer asks for results, as Qt signals of one's own cannot be made in Slicer's Python. Of jobs with the same key
    only the last one counts: what an earlier one brings is dropped. After :meth:`close` nothing is called any more.

    Args:
        changed: called when a job that is not quiet starts or ends.
    """

    def __init__(self, changed: Callable[[], object] = lambda: None) -> None:
        self._changed = changed
        self._tasks: dict[str, _Task] = {}
        self._results: queue.SimpleQueue[tuple[_Task, Any, ClientError | None]] = queue.SimpleQueue()
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MILLISECONDS)
        self._timer.timeout.connect(self._deliver)
        self._closed = False
        self._holds = 0

    def run(
        self,
        key: str,
        words: str,
        job: Callable[[], Any],
        done: Callable[[Any], object],
        failed: Callable[[ClientError], object],
        quiet: bool = False,
    ) -> None:
        """Starts a job in a thread, superseding one with this key; it must not touch Qt or the scene."""
        if self._closed:
            return
        task = _Task(key, words, done, failed, quiet)
        self._tasks[key] = task
        threading.Thread(target=self._work, args=(task, job), name=f"landmarks-{key}", daemon=True).start()
        self._timer.start()
        self._changed()

    def running(self, *keys: str) -> bool:
        """True while a job with one of the keys runs; without keys: any job that is not quiet."""
        if keys:
            return any(key in self._tasks for key in keys)
        return any(not task.quiet for task in self._tasks.values())

    @property
    def words(self) -> str:
        """Descriptions of the running jobs, the latest first; empty if none runs."""
        return "; ".join(task.words for task in reversed(list(self._tasks.values())) if not task.quiet)

    def drop(self, *keys: str) -> None:
        """Discards the results of these jobs."""
        for key in keys:
            self._tasks.pop(key, None)
        self._changed()

    def drop_all_but(self, *keys: str) -> None:
        """Discards the results of all other jobs."""
        self.drop(*(key for key in tuple(self._tasks) if key not in keys))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Context in which results wait: a dialog runs Qt's event loop, and with it the timer."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    def close(self) -> None:
        """Drops everything; no function is called any more.

        The timer's receiver, which Python's collector does not see, holds this object until it is disconnected.
        """
        self._closed = True
        self._tasks.clear()
        self._timer.stop()
        self._timer.timeout.disconnect(self._deliver)

    def _work(self, task: _Task, job: Callable[[], Any]) -> None:
        result, error = None, None
        try:
            result = job()
        except ClientError as problem:
            error = problem
        except Exception as problem:
            logging.exception("%s: unexpected error", task.words)
            error = UnexpectedError(
                _("{what} failed inside the module ({kind}); the error log has the details.").format(
                    what=task.words, kind=type(problem).__name__
                )
            )
        self._results.put((task, result, error))

    def _deliver(self, *_: Any) -> None:
        time.sleep(_YIELD_SECONDS)
        while not self._closed and not self._holds:
            try:
                task, result, error = self._results.get_nowait()
            except queue.Empty:
                break
            if self._tasks.get(task.key) is not task:
                continue
            del self._tasks[task.key]
            try:
                if error is None:
                    task.done(result)
                else:
                    task.failed(error)
            finally:
                self._changed()
        if not self._tasks:
            self._timer.stop()
