"""Progress of a command on standard error: a live bar on a terminal, and lines that a log keeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .console import errors

#: Seconds between two lines of a log where nothing else makes one.
LINE_INTERVAL = 30.0


class Meter:
    """Shows how far a command is.

    On a terminal a bar moves. Where standard error goes to a file or a pipe, a line is printed every
    ``LINE_INTERVAL`` seconds and when all is done. Lines that the command asks for are printed in both cases.

    Args:
        what: the command does, e.g. "Detecting".
        total: of what is counted; None while it is not known.
        clock: says the time, in seconds.

    Examples:
        >>> with Meter("Detecting", total=2) as meter:
        ...     for image in ("a", "b"):
        ...         meter.advance()
    """

    def __init__(self, what: str, total: float | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._done, self._total, self._clock = what, 0.0, total, clock
        self._begun = self._said = clock()
        self._said_done = 0.0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=errors,
            disable=not errors.is_terminal,
        )
        self._task = self._bar.add_task(what, total=total, note="")

    def __enter__(self) -> Meter:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if kind is None and not errors.is_terminal and self._done == self._total != self._said_done:
            self._print(self._place(), "", None)

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before anything is done."""
        if not self._done or self._total is None:
            return None
        return (self._clock() - self._begun) * (self._total - self._done) / self._done

    def advance(self) -> None:
        """One more is done."""
        self.update(self._done + 1)

    def update(
        self,
        done: float,
        total: float | None = None,
        *,
        what: str | None = None,
        note: str = "",
        line: str | None = None,
        seconds_left: float | None = None,
    ) -> None:
        """Moves the bar; prints a line where one is requested or due.

        Args:
            done: of the total.
            total: None keeps the one that is known.
            what: the command does now; None keeps what it did.
            note: at the end of the bar and of a line.
            line: to be printed now; None prints one only in a log, when it is due. The times are added.
            seconds_left: None takes the pace so far; 0 is not printed.
        """
        self._done, self._total, self._what = done, total or self._total, what or self._what
        self._bar.update(self._task, description=self._what, completed=done, total=self._total, note=note)
        if line is not None:
            self._print(line, "", seconds_left)
        elif not errors.is_terminal and self._clock() - self._said >= LINE_INTERVAL:
            self._print(self._place(), note, seconds_left)

    def _place(self) -> str:
        return f"{self._what}: {self._done:g}" + ("" if self._total is None else f" of {self._total:g}")

    def _print(self, line: str, note: str, seconds_left: float | None) -> None:
        self._said, self._said_done = self._clock(), self._done
        left = self.seconds_left if seconds_left is None else seconds_left
        parts = [line, note, duration(self._said - self._begun), f"about {duration(left)} left" if left else ""]
        self.say(", ".join(part for part in parts if part))

    def say(self, text: str) -> None:
        """Prints a line, above the bar where there is one."""
        errors.print(text, highlight=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would use, e.g. ``"95 s"``, ``"44 min"`` or ``"2.5 h"``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
