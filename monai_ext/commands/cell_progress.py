"""Progress of a series of training runs, for the commands that make one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from monai_ext.experiments import Progress

from .meter import Meter


@contextmanager
def cells_shown(write: Callable[[], object]) -> Iterator[Callable[[Progress], None]]:
    """Shows where a series is, with a line for each validation and each finished cell.

    Args:
        write: called after each finished cell; writes the results so far.
    """
    said: float | None = None
    with Meter("Beginning") as meter:

        def show(progress: Progress) -> None:
            nonlocal said
            error, what = progress.val_error, f"Cell {progress.number} of {progress.count} ({progress.cell.title})"
            note, line = "" if error is None else f"error {error:.3f}", None
            if error is not None and (error != said or progress.finished):
                line = (
                    f"{what}: {note}, {'done' if progress.finished else f'{progress.done} of {progress.total} steps'}"
                )
            said = error
            meter.update(progress.done, progress.total, what=what, note=note, line=line)
            if progress.finished:
                write()

        yield show
