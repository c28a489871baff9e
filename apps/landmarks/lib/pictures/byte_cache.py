"""Results of costly work, the latest of them kept within a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Makes each result once, also when many threads ask for it at the same time.

    Args:
        capacity: bytes of all results that are kept. One that is larger is kept alone.
        size_of: bytes of a result.
    """

    def __init__(self, capacity: int, size_of: Callable[[T], int]) -> None:
        self._capacity, self._size_of = capacity, size_of
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._under_way: dict[Hashable, Future[T]] = {}
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes of the results that are kept now."""
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The kept result, or that of ``make``, whose exception all who wait for it get."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            future = self._under_way.get(key)
            begins = future is None
            if future is None:
                future = self._under_way[key] = Future()
        if begins:
            self._make(key, make, future)
        return future.result()

    def _make(self, key: Hashable, make: Callable[[], T], future: Future[T]) -> None:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            future.set_exception(error)
            return
        with self._lock:
            del self._under_way[key]
            self._kept[key] = made
            self._bytes += self._size_of(made)
            while self._bytes > self._capacity and len(self._kept) > 1:
                self._bytes -= self._size_of(self._kept.popitem(last=False)[1])
        future.set_result(made)
