"""Where a series of training runs is, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .cell_folder import NamedCell
from .cells import Length


@dataclass(frozen=True)
class Progress:
    """Where a series is.

    Attributes:
        cell: in work.
        number, count: of the cell, from 1, and of all cells.
        done, total: optimiser steps of the cells that were not finished when the run began.
        loss, val_error: of the cell, None where not known.
        finished: whether the cell is.
    """

    cell: NamedCell
    number: int
    count: int
    done: int
    total: int
    loss: float | None = None
    val_error: float | None = None
    finished: bool = False


OnCellProgress = Callable[[Progress], None]


def report_training(on_progress: OnCellProgress, place: Progress, length: Length, report: dict[str, Any]) -> None:
    """Says where the series is, from where the training of a cell is."""
    done = place.done + report["epoch"] * length.epoch_steps
    on_progress(replace(place, done=done, loss=report["loss"], val_error=report["val_error"]))
