"""The answers to the latest requests."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from .answer import Answer


class AnswerCache:
    """Keeps the answers that were asked for last; safe to use from many threads.

    Args:
        capacity: how many are kept; 0 keeps none.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()

    def get(self, key: Hashable) -> Answer | None:
        """The kept answer, marked as such; None where there is none."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def keep(self, key: Hashable, answer: Answer) -> None:
        """Keeps an answer; the one that was asked for the longest time ago makes room."""
        with self._lock:
            self._answers[key] = replace(answer, cached=True)
            self._answers.move_to_end(key)
            while len(self._answers) > self._capacity:
                self._answers.popitem(last=False)
