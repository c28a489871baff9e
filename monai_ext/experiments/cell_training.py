"""The training of one cell, with the time that it takes over all interruptions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monai_ext.engines import LabelledImage, TrainOptions, train_model
from monai_ext.landmarks import Protocol

from .cell_folder import CellFolder

#: Seconds between two notes of the time that a cell took so far.
NOTE_INTERVAL = 30.0


def train_cell(
    folder: CellFolder,
    protocol: Protocol,
    images: Sequence[LabelledImage],
    options: TrainOptions,
    on_progress: Callable[[dict[str, Any]], None],
    *,
    start: Path | None = None,
) -> dict[str, Any]:
    """Trains a cell, goes on with its training, or takes what a finished training left.

    Args:
        folder: of the cell.
        protocol: what is trained.
        images: with their splits.
        options: with ``epoch_steps`` given.
        on_progress: as of :func:`~monai_ext.engines.train_model`.
        start: a model folder whose weights are begun with where the options have a warm start; it bears the name of
            the cell's own model folder.

    Returns:
        Epochs, steps, seconds, validation error with its unit, history, and whether a model was published.
    """
    spent = folder.begin()
    known = folder.trained()
    if known is not None:
        return known
    begun = noted = time.monotonic()

    def report(progress: dict[str, Any]) -> None:
        nonlocal noted
        on_progress(progress)
        if time.monotonic() - noted > NOTE_INTERVAL:
            noted = time.monotonic()
            folder.spend(spent + noted - begun)

    try:
        result = train_model(protocol, images, folder.model, options, pretrained=start, on_progress=report)
    finally:
        folder.spend(spent + time.monotonic() - begun)
    trained = {
        "epochs": result.epochs,
        "steps": result.epochs * (options.epoch_steps or 0),
        "seconds": spent + time.monotonic() - begun,
        "val_error": result.val_error,
        "val_unit": result.unit,
        "history": [{key: _finite(value) for key, value in entry.items()} for entry in result.history],
        "published": result.card is not None,
    }
    folder.note_training(trained)
    return trained


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
