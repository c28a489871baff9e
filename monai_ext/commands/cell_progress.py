"""How commands show where a series of training runs is."""

from __future__ import annotations

from rich.progress import Progress as Bar
from rich.progress import TaskID

from monai_ext.ablation import Progress

from .console import errors


def show_cell(bar: Bar, task: TaskID, progress: Progress, seconds: float, said: float | None) -> float | None:
    """Moves the bar; where there is none, prints a line for each validation and each finished cell.

    Args:
        bar: of the command.
        task: its task.
        progress: where the series is.
        seconds: since it began.
        said: the error that was said last.

    Returns:
        The error that was said last.
    """
    error, name = progress.val_error, progress.cell.title
    place, note = f"Cell {progress.number} of {progress.count}", "" if error is None else f"error {error:.3f}"
    bar.update(task, description=f"{place}: {name}", completed=progress.done, total=progress.total, note=note)
    if errors.is_terminal or (error == said and not progress.finished):
        return error
    left = seconds * (progress.total - progress.done) / max(1, progress.done)
    rest = f"done, about {_duration(left)} left" if progress.finished else f"{progress.done} of {progress.total} steps"
    if error is not None:
        errors.print(f"{place} ({name}): {note}, {rest}", highlight=False, soft_wrap=True)
    return error


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
