"""A bounded number of places for work that takes long, and a queue in front of them."""

from __future__ import annotations

import logging
import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

from ..errors import QueueFullError

logger = logging.getLogger(__name__)

#: Ends work without a waiting client, by an exception; work calls it between its stages.
Check = Callable[[], None]
#: Seconds after which a thread without work ends.
IDLE_SECONDS = 60.0
#: Durations that the time to wait is reckoned from.
REMEMBERED = 20


class SlotCounts(NamedTuple):
    """Numbers of running and waiting work.

    Attributes:
        running: work that runs; a running one whose requests have been given up counts until it really ends.
        waiting: work that waits for a place.
        slots: places.
        queue: how many may wait.
        stuck: running work that has taken longer than any request waits.
    """

    running: int
    waiting: int
    slots: int
    queue: int
    stuck: int


class AbandonedError(Exception):
    """Nobody waits for this work any more."""


class _Job:
    def __init__(self, work: Callable[[Check], Any]) -> None:
        self.work = work
        self.future: Future[Any] = Future()

    def check(self) -> None:
        if self.future.cancelled():
            raise AbandonedError


class InferenceSlots:
    """Runs work in threads of its own, first come, first served; safe to use from many threads.

    A thread cannot be stopped from outside: cancelling the future of work that waits takes it out of the queue;
    of work that runs, it tells it to stop at its next check, and the place is taken until then.

    Args:
        slots: how many run at once.
        queue: how many may wait for a place.
        patience: seconds that a request waits for its answer.
        prepare: called in every thread before its first work.
    """

    def __init__(
        self, slots: int, queue: int, patience: float = math.inf, prepare: Callable[[], None] = lambda: None
    ) -> None:
        self.slots, self.queue, self.patience = slots, queue, patience
        self._prepare = prepare
        lock = threading.RLock()
        self._changed, self._ended = threading.Condition(lock), threading.Condition(lock)
        self._waiting: deque[_Job] = deque()
        self._running: dict[_Job, float] = {}
        self._threads = 0
        self._durations: deque[float] = deque(maxlen=REMEMBERED)

    def submit(self, work: Callable[[Check], Any], *, patient: bool = False) -> Future[Any]:
        """Takes in work; its result, or the error that it raised, arrives in the future.

        Args:
            work: is given a function to call between its stages.
            patient: wait even where the queue is full.

        Raises:
            QueueFullError: all places are taken and the queue is full.
        """
        job = _Job(work)
        with self._changed:
            ahead = len(self._running) + len(self._waiting)
            if ahead >= self.slots + self.queue and not patient:
                raise self._queue_full()
            if self._threads < min(self.slots, ahead + 1):
                threading.Thread(target=self._serve, name="inference", daemon=True).start()
                self._threads += 1  # only then: a machine may have no thread left
            self._waiting.append(job)
            self._changed.notify()
        job.future.add_done_callback(partial(self._leave, job))
        return job.future

    def counts(self) -> SlotCounts:
        """Numbers of running and waiting work now."""
        now = time.monotonic()
        with self._changed:
            stuck = sum(now - start > self.patience for start in self._running.values())
            return SlotCounts(len(self._running), len(self._waiting), self.slots, self.queue, stuck)

    def wait_until_idle(self, seconds: float) -> bool:
        """Waits until nothing runs or waits; whether that is so within some seconds."""
        with self._ended:
            return self._ended.wait_for(lambda: not self._running and not self._waiting, seconds)

    def _queue_full(self) -> QueueFullError:
        each = statistics.fmean(self._durations) if self._durations else 1.0
        seconds = max(1, math.ceil(each * (len(self._waiting) + 1) / self.slots))
        return QueueFullError(
            f"This server makes {self.slots} predictions at once and lets {self.queue} wait; all of these are "
            f"taken: try again in {seconds} s.",
            seconds,
        )

    def _leave(self, job: _Job, future: Future[Any]) -> None:
        if future.cancelled():
            with self._changed:
                if job in self._waiting:
                    self._waiting.remove(job)
                    self._ended.notify_all()

    def _serve(self) -> None:
        self._prepare()
        while (job := self._next()) is not None:
            self._run(job)
            del job  # an idle thread holds on to no image and no answer

    def _next(self) -> _Job | None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, timeout=IDLE_SECONDS):
                self._threads -= 1
                return None
            job = self._waiting.popleft()
            self._running[job] = time.monotonic()
            return job

    def _run(self, job: _Job) -> None:
        result: Any = None
        error: Exception | None = None
        try:
            job.check()
            result = job.work(job.check)
        except AbandonedError:
            logger.info("A prediction without a waiting client was stopped.")
        except Exception as reason:
            error = reason
        except BaseException as reason:  # such as an exit, which must end neither this thread nor the server
            error = RuntimeError(f"The prediction ended with {type(reason).__name__}.")
        with self._changed:  # before the answer: who reads it finds the place free
            self._durations.append(time.monotonic() - self._running.pop(job))
            self._ended.notify_all()
        if not job.future.set_running_or_notify_cancel():
            return
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)
