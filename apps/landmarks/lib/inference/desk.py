"""Desk of predictions: kept replies, work that is under way, and the places in which it runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from cachetools import LRUCache

from monai_ext.landmarks import InputError

from ..proposals import Proposal
from ..settings import Conf
from .slots import Check, InferenceSlots


@dataclass(frozen=True)
class Reply:
    """A prediction as it goes over the wire; many requests share it, so nothing in it is changed.

    Attributes:
        file_name: ``<ID>.mrk.json``.
        markups: the content of that file.
        document: the JSON of the same prediction.
        proposal: the prediction itself.
    """

    file_name: str
    markups: bytes
    document: Mapping[str, Any]
    proposal: Proposal

    def kept(self) -> Reply:
        """The same for later requests: ``latencies`` says that it was kept."""
        return replace(self, document={**self.document, "latencies": {**self.document["latencies"], "cached": True}})


class AnswerCache:
    """Keeps the answers requested last; safe to use from many threads.

    Args:
        capacity: how many are kept; 0 keeps none.
    """

    def __init__(self, capacity: int) -> None:
        self._lock = threading.Lock()
        self._answers: LRUCache[Hashable, Reply] = LRUCache(capacity)

    def get(self, key: Hashable) -> Reply | None:
        """The kept answer, marked as such; None if there is none."""
        with self._lock:
            return self._answers.get(key)

    def keep(self, key: Hashable, answer: Reply) -> None:
        """Keeps an answer; the one requested the longest time ago is dropped."""
        if self._answers.maxsize:
            with self._lock:
                self._answers[key] = answer.kept()


@dataclass(eq=False)
class _Work:
    key: Hashable
    future: Future[Any]
    waiters: list[Future[Any]] = field(default_factory=list)


class SharedWork:
    """Gives all who ask for the same key, while it is worked on, the same result; safe to use from many threads.

    Each has a future of its own and may cancel it; when all have, the work is cancelled.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[Hashable, _Work] = {}

    def join(self, key: Hashable, start: Callable[[], Future[Any]]) -> Future[Any]:
        """A future of the result; the work is started where it is not under way.

        Args:
            key: identifies equal work.
            start: begins it; what it raises is raised here.
        """
        waiter: Future[Any] = Future()
        with self._lock:
            work = self._by_key.get(key)
            begins = work is None
            if work is None:
                work = self._by_key[key] = _Work(key, start())
            work.waiters.append(waiter)
        # Outside the lock: a callback of a future that is done runs at once, and takes the lock.
        waiter.add_done_callback(partial(self._leave, work))
        if begins:
            work.future.add_done_callback(partial(self._finish, work))
        return waiter

    def _leave(self, work: _Work, waiter: Future[Any]) -> None:
        if not waiter.cancelled():
            return
        with self._lock:
            work.waiters.remove(waiter)
            deserted = not work.waiters
            if deserted:
                self._forget(work)
        if deserted:
            work.future.cancel()

    def _finish(self, work: _Work, future: Future[Any]) -> None:
        with self._lock:
            self._forget(work)
            waiters = tuple(work.waiters)
        if future.cancelled():
            return
        error = future.exception()
        for waiter in waiters:
            if not waiter.set_running_or_notify_cancel():
                continue
            if error is None:
                waiter.set_result(future.result())
            else:
                waiter.set_exception(error)

    def _forget(self, work: _Work) -> None:
        if self._by_key.get(work.key) is work:
            del self._by_key[work.key]


@dataclass(frozen=True)
class InferenceDesk:
    """Answers equal requests once, and not more at a time than the machine can take.

    Attributes:
        slots: the places in which predictions run.
        cache: answers that are kept.
        timeout: seconds that a request waits for its answer.
    """

    slots: InferenceSlots
    cache: AnswerCache
    timeout: float
    _shared: SharedWork = field(default_factory=SharedWork)

    @classmethod
    def from_limits(cls, limits: Conf) -> InferenceDesk:
        """The desk of a server with these limits."""
        slots = limits.infer_slots or default_slots()
        places = InferenceSlots(slots, limits.infer_queue, limits.infer_timeout, lambda: use_share_of_cores(slots))
        return cls(places, AnswerCache(limits.infer_cache), limits.infer_timeout)

    def ask(
        self, key: Callable[[], Hashable], work: Callable[[Check], Reply], *, patient: bool = False
    ) -> Future[Reply]:
        """The answer to a request, kept or to be made; cancelling the future gives the request up.

        Args:
            key: gives what the answer depends on, as it is now; None if an answer cannot be kept.
            work: makes the answer.
            patient: wait even where the queue is full.

        Raises:
            QueueFullError: too many requests wait already.
        """
        before = key()
        if before is None:
            return self.slots.submit(work, patient=patient)

        def make(check: Check) -> Reply:
            answer = work(check)
            if _now(key) == before:  # else the image or the model was replaced meanwhile
                self.cache.keep(before, answer)
            return answer

        def start() -> Future[Reply]:
            # Asked here, so that nothing finishes between the look into the cache and the start.
            kept = self.cache.get(before)
            if kept is None:
                return self.slots.submit(make, patient=patient)
            done: Future[Reply] = Future()
            done.set_result(kept)
            return done

        return self._shared.join(before, start)


def _now(key: Callable[[], Hashable]) -> Hashable:
    try:
        return key()
    except InputError:  # the model is gone; the answer that was made with it stands
        return None


def default_slots() -> int:
    """One place for a GPU, which predictions share badly; else two, so that a large image does not block others."""
    return 1 if torch.cuda.is_available() or usable_cores() < 2 else 2


def use_share_of_cores(slots: int) -> None:
    """Gives this thread's computations its share of the cores.

    OpenMP's threads spin while they wait for each other: more threads than cores make all of them slow.
    """
    torch.set_num_threads(max(1, min(torch.get_num_threads(), usable_cores() // slots)))


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
