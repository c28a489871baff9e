"""Observers on scene objects that are taken off together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Observers:
    """Keeps what was observed, so that nothing calls a part of the module that is gone."""

    def __init__(self) -> None:
        self._observed: list[tuple[Any, int]] = []

    def add(self, subject: Any, event: Any, function: Callable[..., None]) -> None:
        """Calls ``function(subject, event)`` at each event until :meth:`clear`."""
        self._observed.append((subject, subject.AddObserver(event, function)))

    def clear(self) -> None:
        """Takes all observers off; those of an object that is gone already are gone with it."""
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed.clear()


@contextmanager
def modified_once(node: Any) -> Iterator[None]:
    """Gathers the events of many changes to a MRML node into one of each kind, at the end."""
    before = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(before)
