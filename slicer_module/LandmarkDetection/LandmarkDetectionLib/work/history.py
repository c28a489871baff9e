"""History of a work: steps that can be undone, and the time spent."""

from __future__ import annotations

import time
from typing import Callable, Generic, NamedTuple, TypeVar

State = TypeVar("State")
_DEPTH = 500


class _Step(NamedTuple):
    """A state to go back (or on) to, and the words for what lies between."""

    state: object
    words: str


class History(Generic[State]):
    """The steps behind and ahead of the present state, which the owner keeps."""

    def __init__(self) -> None:
        self._behind: list[_Step] = []
        self._ahead: list[_Step] = []

    @property
    def undo_words(self) -> str:
        """Description of the step that undo takes back; empty if there is none."""
        return self._behind[-1].words if self._behind else ""

    @property
    def redo_words(self) -> str:
        """Description of the step that redo repeats; empty if there is none."""
        return self._ahead[-1].words if self._ahead else ""

    def record(self, before: State, words: str) -> None:
        """Adds a step and clears the steps ahead. The oldest of more than 500 steps is dropped."""
        self._behind.append(_Step(before, words))
        del self._behind[:-_DEPTH]
        self._ahead.clear()

    def convert(self, change: Callable[[State], State]) -> None:
        """Converts every state, as for another unit of length."""
        for steps in (self._behind, self._ahead):
            steps[:] = [_Step(change(step.state), step.words) for step in steps]  # type: ignore[arg-type]

    def undo(self, present: State) -> State | None:
        """The state before the last step; None if there is none."""
        return _travel(self._behind, self._ahead, present)

    def redo(self, present: State) -> State | None:
        """The state after the step that was undone last; None if there is none."""
        return _travel(self._ahead, self._behind, present)


def _travel(source: list[_Step], target: list[_Step], present: State) -> State | None:
    if not source:
        return None
    step = source.pop()
    target.append(_Step(present, step.words))
    return step.state  # type: ignore[return-value]


Clock = Callable[[], float]


class Stopwatch:
    """Adds up the time between :meth:`resume` and :meth:`pause`; starts paused."""

    def __init__(self, seconds: float = 0.0, clock: Clock = time.monotonic) -> None:
        self._before, self._clock = seconds, clock
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        return self._before + (0.0 if self._since is None else max(self._clock() - self._since, 0.0))

    def resume(self) -> None:
        if self._since is None:
            self._since = self._clock()

    def pause(self) -> None:
        self._before, self._since = self.seconds, None
