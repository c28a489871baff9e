"""Work that is done once however many ask for it at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any


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
            key: what tells equal work from other work.
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
