"""A series of training runs under one recipe, resumable cell by cell, and its progress."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from monai_ext.engines import LabelledImage, TrainOptions, read_labels
from monai_ext.landmarks import InputError, Length, Protocol, Recipe
from monai_ext.networks import find_device, machine, versions

from .cell_folder import CellFolder, NamedCell, cell_signature, with_paths
from .settings import SeriesSettings

CellT = TypeVar("CellT", bound=NamedCell)


@dataclass(frozen=True)
class Progress:
    """Position within a series.

    Attributes:
        cell: in work.
        number, count: of the cell, from 1, and of all cells.
        done, total: optimiser steps of the cells that were not finished when the run began.
        loss, val_error: of the cell, None if not known.
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


class Series(ABC, Generic[CellT]):
    """Training runs whose last weights are judged on images that chose nothing.

    Args:
        protocol: whose recipe every training has.
        output: folder of the results.
        settings: what a person chose.

    Attributes:
        given: the protocol as it was given, for the results.
        protocol: the same with its files of weights as paths, for training.
        cells: all runs in the order in which they are trained.

    Raises:
        InputError: a file of weights is missing, or there is no such device.
    """

    cells: list[CellT]
    settings: SeriesSettings

    def __init__(self, protocol: Protocol, output: Path, settings: SeriesSettings) -> None:
        self.given, self.protocol = protocol, with_paths(protocol, settings.models)
        self.output, self.settings = output, settings
        self.device = find_device(settings.device)
        self._folders: dict[CellT, CellFolder] = {}

    @abstractmethod
    def length_of(self, cell: CellT) -> Length:
        """The length of a cell's training."""

    @abstractmethod
    def _labelled(self) -> Sequence[LabelledImage]:
        """All images whose labels have to be usable."""

    @abstractmethod
    def _images(self, cell: CellT) -> list[LabelledImage]:
        """The images of a cell with their splits."""

    @abstractmethod
    def _run(self, cell: CellT, on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Trains and finishes a cell; facts with its ``val_error``."""

    def run(self, on_progress: OnCellProgress = lambda progress: None) -> None:
        """Trains the cells that are not finished. May be stopped at any time and called again.

        Raises:
            InputError: a label may not be used; nothing is trained then.
        """
        for cell in self.cells:
            self._before_all(cell)
        open_cells = [cell for cell in self.cells if self.finished(cell) is None]
        if open_cells:
            read_labels(self._labelled(), self.protocol)
        total, done = sum(self.length_of(cell).steps for cell in open_cells), 0
        for cell in open_cells:
            length = self.length_of(cell)
            place = Progress(cell, self.cells.index(cell) + 1, len(self.cells), done, total)
            on_progress(place)
            document = self._run(cell, partial(_report, on_progress, place, length))
            done += length.steps
            on_progress(replace(place, done=done, val_error=document["val_error"], finished=True))
        for cell in self.cells:
            self._after_all(cell)

    def finished(self, cell: CellT) -> dict[str, Any] | None:
        """Facts of a finished cell; None if it is not finished, or is of other data or options."""
        folder = self._folder(cell)
        return None if folder is None else folder.finished()

    def finished_cells(self) -> list[dict[str, Any]]:
        """Facts of all finished cells."""
        return [document for cell in self.cells if (document := self.finished(cell)) is not None]

    def origin(self, command: str) -> dict[str, Any]:
        """The command, and when and on what it ran."""
        return {
            "command": command,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": machine(self.device),
            "versions": versions(),
        }

    def _before_all(self, cell: CellT) -> None:
        """Looks at a cell before any is trained."""

    def _after_all(self, cell: CellT) -> None:
        """Looks at a cell after all are trained."""

    def _protocol(self, cell: CellT) -> Protocol:
        return self.protocol

    def _more_options(self, cell: CellT) -> Mapping[str, Any]:
        return {}

    def _depends_on(self, cell: CellT) -> tuple[list[LabelledImage], list[str]] | None:
        """Images and texts that a cell's result depends on; None if its images are not chosen yet."""
        return self._images(cell), []

    def _options(self, cell: CellT) -> TrainOptions:
        length = self.length_of(cell)
        fields: dict[str, Any] = {"warm_start": False, "half_precision": False, **self._more_options(cell)}
        return TrainOptions(
            max_epochs=length.epochs,
            epoch_steps=length.epoch_steps,
            val_interval=math.ceil(length.epochs / self.settings.validations),
            device=self.settings.device,
            num_workers=self.settings.workers,
            keep="last",
            **fields,
        )

    def _folder(self, cell: CellT) -> CellFolder | None:
        """The folder of a cell; None if its images are not chosen yet."""
        if cell not in self._folders:
            known = self._depends_on(cell)
            if known is None:
                return None
            signature = cell_signature(self._protocol(cell), self._options(cell), *known)
            self._folders[cell] = CellFolder(self.output, cell, signature)
        return self._folders[cell]

    def _opened(self, cell: CellT) -> CellFolder:
        folder = self._folder(cell)
        assert folder is not None
        return folder


def _report(on_progress: OnCellProgress, place: Progress, length: Length, report: dict[str, Any]) -> None:
    """Says where the series is, from where the training of a cell is."""
    done = place.done + report["epoch"] * length.epoch_steps
    on_progress(replace(place, done=done, loss=report["loss"], val_error=report["val_error"]))


def length(
    count: int, largest: int, recipe: Recipe, max_epochs: int | None = None, max_steps: int | None = None
) -> Length:
    """The length of a training on ``count`` images.

    The number of steps is the same for all sizes: that of the recipe's epochs over the largest set, or the most that
    ``max_steps`` holds whole epochs of. Only ``max_epochs``, passes over the cell's own images, makes it differ.

    Raises:
        InputError: both limits are given.
    """
    if max_epochs is not None and max_steps is not None:
        raise InputError("--max-epochs and --max-steps both set the length of the training: give one of them.")
    if max_epochs is not None:
        return Length(max_epochs, _pass_steps(count, recipe))
    if max_steps is None:
        return recipe.length(largest)
    passes = max(1, round(max_steps / _pass_steps(largest, recipe)))
    # near to as many epochs as passes, the number that loses the fewest steps
    epochs = min(range((passes + 1) // 2, 2 * passes + 1), key=lambda e: (max_steps % e, abs(e - passes)))
    return Length(epochs, max_steps // epochs)


def _pass_steps(count: int, recipe: Recipe) -> int:
    return max(1, count // recipe.batch_size)
