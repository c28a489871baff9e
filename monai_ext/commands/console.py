"""Consoles of the commands: results on standard output, errors and progress on standard error."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from monai_ext import experiments

# Text is printed as it stands: a path or label may hold "[" or ":name:", which are no markup and no emoji. What shall
# have a style is a rich.text.Text.
output = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)


def tell(sentence: object) -> None:
    """Prints a sentence on standard output, on one line however wide."""
    output.print(sentence, soft_wrap=True, highlight=False)


def note(sentence: object) -> None:
    """Prints a sentence on standard error, on one line however wide."""
    errors.print(sentence, soft_wrap=True, highlight=False)


def say(word: str, style: str, sentence: object) -> None:
    """Prints a sentence on standard error behind a styled word, as in ``Error: ...``."""
    errors.print(Text(f"{word}:", style=style), Text(str(sentence)), soft_wrap=True)


def print_json(document: Any) -> None:
    """Prints one JSON document on standard output."""
    print(json.dumps(document, indent=2, allow_nan=False))


def command_line() -> str:
    """The command as a person would type it again."""
    return shlex.join(["monai-landmarks", *sys.argv[1:]])


def now() -> str:
    """The date and time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


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


#: Exit code of a run that was stopped, as shells have it for Ctrl-C.
STOPPED = 130

OnProgress = Callable[["experiments.Progress"], None]


def run_series(
    run: Callable[[OnProgress], None], write: Callable[[], object], *, before: Callable[[], object] = lambda: None
) -> bool:
    """Runs a series with a line for each validation and each finished cell.

    Args:
        run: trains the open cells; takes a callable for its progress.
        write: called after each finished cell; writes the results so far.
        before: called first; may be stopped like the rest.

    Returns:
        True where a person stopped it.
    """
    said: float | None = None
    try:
        before()
        with Meter("Beginning") as meter:

            def show(progress: experiments.Progress) -> None:
                nonlocal said
                error, what = progress.val_error, f"Cell {progress.number} of {progress.count} ({progress.cell.title})"
                shown, line = "" if error is None else f"error {error:.3f}", None
                if error is not None and (error != said or progress.finished):
                    place = "done" if progress.finished else f"{progress.done} of {progress.total} steps"
                    line = f"{what}: {shown}, {place}"
                said = error
                meter.update(progress.done, progress.total, what=what, note=shown, line=line)
                if progress.finished:
                    write()

            run(show)
    except KeyboardInterrupt:
        return True
    return False


def leave_stopped(finished: int, asked_for: int, what: str) -> None:
    """Says how far a stopped series is, and ends the command.

    Raises:
        typer.Exit: always.
    """
    note(f"Stopped: {finished} of {asked_for} {what} are finished; run the same command to resume.")
    raise typer.Exit(STOPPED)
