"""A series of trainings on the terminal: its progress, its results after each cell, and a stop."""

from __future__ import annotations

from collections.abc import Callable

import typer

from monai_ext import experiments

from .console import note
from .meter import Meter

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
