"""The finished and unfinished cells of a series of training runs on disk, and the training of one.

``cells/<cell>/`` holds ``begun.json`` (the seconds spent so far), ``model/`` (the model folder), ``trained.json`` (what
training left), ``predictions.csv`` (every predicted point) and, when all is done, ``cell.json``.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from monai_ext.engines import SOURCES, LabelledImage, TrainOptions, find_source, run_signature, train_model
from monai_ext.evaluation import finite
from monai_ext.landmarks import FACES, IMAGENET, Protocol, read_json, write_json_atomically
from monai_ext.models import CARD
from monai_ext.networks import NAMED_SOURCES, find_weights, shipped_source

CELLS, BEGUN, TRAINED, DONE, PREDICTIONS, MODEL = (
    "cells",
    "begun.json",
    "trained.json",
    "cell.json",
    "predictions.csv",
    "model",
)

#: Seconds between two notes of the time that a cell took so far.
NOTE_INTERVAL = 30.0


class NamedCell(Interface):
    """One training run of a series."""

    @property
    def name(self) -> str:
        """Name of its folder."""

    @property
    def title(self) -> str:
        """Name that a person reads."""


class CellFolder:
    """The folder of one cell.

    Args:
        root: output folder of the series.
        cell: the cell.
        signature: of everything that its result depends on.
    """

    def __init__(self, root: Path, cell: NamedCell, signature: str) -> None:
        self.cell = cell
        self.path = root / CELLS / cell.name
        self.signature = signature

    @property
    def model(self) -> Path:
        """The model folder."""
        return self.path / MODEL

    @property
    def predictions(self) -> Path:
        """The table of predicted points."""
        return self.path / PREDICTIONS

    @property
    def has_weights(self) -> bool:
        """True where the model is there."""
        return (self.model / CARD).is_file()

    def finished(self) -> dict[str, Any] | None:
        """Facts of the finished cell; None if it is not finished, or is of other data or options."""
        document = self._own(DONE)
        return document if document is not None and self.predictions.is_file() else None

    def train(
        self,
        protocol: Protocol,
        images: Sequence[LabelledImage],
        options: TrainOptions,
        on_progress: Callable[[dict[str, Any]], None],
        *,
        start: Path | None = None,
    ) -> dict[str, Any]:
        """Trains the cell, goes on with its training, or takes what a finished training left.

        Args:
            protocol: what is trained.
            images: with their splits.
            options: with ``epoch_steps`` given.
            on_progress: as of :func:`~monai_ext.engines.train_model`.
            start: a model folder whose weights are begun with where the options have a warm start; it bears the name
                of the cell's own model folder.

        Returns:
            Epochs, steps, seconds over all interruptions, validation error with its unit, history, and whether a
            model was published.

        Warns:
            UserWarning: there was a cell of other data or options, which is removed.
        """
        spent, known = self._begin(), self._own(TRAINED)
        if known is not None:
            return known
        begun = noted = time.monotonic()

        def report(progress: dict[str, Any]) -> None:
            nonlocal noted
            on_progress(progress)
            if time.monotonic() - noted > NOTE_INTERVAL:
                noted = time.monotonic()
                self._write(BEGUN, {"seconds": spent + noted - begun})

        try:
            result = train_model(protocol, images, self.model, options, pretrained=start, on_progress=report)
        finally:
            self._write(BEGUN, {"seconds": spent + time.monotonic() - begun})
        trained = {
            "epochs": result.epochs,
            "steps": result.epochs * (options.epoch_steps or 0),
            "seconds": spent + time.monotonic() - begun,
            "val_error": result.val_error,
            "val_unit": result.unit,
            "history": [{key: finite(value) for key, value in entry.items()} for entry in result.history],
            "published": result.card is not None,
        }
        self._write(TRAINED, trained)
        return trained

    def finish(self, document: Mapping[str, Any], *, keep_weights: bool) -> None:
        """Notes that the cell is done, and removes its weights unless they are kept."""
        self._write(DONE, document)
        if not keep_weights:
            self.drop_weights()

    def drop_weights(self) -> None:
        """Removes the model."""
        shutil.rmtree(self.model, ignore_errors=True)

    def reopen(self) -> None:
        """Removes the cell, whose weights are needed but missing."""
        warnings.warn(f"The weights of {self.path} were deleted but are needed; training starts again.", stacklevel=4)
        shutil.rmtree(self.path)

    def _begin(self) -> float:
        """Makes room for the cell; the seconds that an interrupted run of it took so far."""
        begun = self._own(BEGUN)
        if begun is not None:
            if self._own(TRAINED) is None and self.has_weights:
                self.drop_weights()  # stopped between publishing and the note of it
            return float(begun["seconds"])
        if self.path.is_dir():
            warnings.warn(
                f"{self.path} was made with other images, labels or options; training starts again.", stacklevel=3
            )
            shutil.rmtree(self.path)
        self._write(BEGUN, {"seconds": 0.0})
        return 0.0

    def _own(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        if not path.is_file():
            return None
        document: dict[str, Any] = read_json(path)
        return document if document.get("signature") == self.signature else None

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        write_json_atomically(self.path / name, {"signature": self.signature, **document})


def cell_signature(
    protocol: Protocol, options: TrainOptions, images: Sequence[LabelledImage], further: Sequence[str] = ()
) -> str:
    """A digest of all that the result of a training run depends on.

    Args:
        protocol: with its weights as paths; see :func:`with_paths`.
        options: of the run.
        images: that it is trained and reported on.
        further: what else it depends on.
    """
    digest = hashlib.sha256(run_signature(options.applied_to(protocol), images, options.seed).encode())
    digest.update(f"{options.epoch_steps}".encode())
    for path in start_weights(protocol):
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    for text in further:
        digest.update(f"\n{text}".encode())
    return digest.hexdigest()


def with_paths(protocol: Protocol, models: Path) -> Protocol:
    """The protocol with its files of weights as paths: cells train in folders of their own.

    Raises:
        InputError: a file is missing, or is no source classifier of such images.
    """
    network, recipe = protocol.network, protocol.recipe
    file = _weights_file(protocol)
    if file is not None:
        network = network.model_copy(update={"pretrained": str(find_weights(file, models).resolve())})
    if recipe.cross_task is not None:
        find_source(protocol, models)
        if recipe.cross_task.source not in NAMED_SOURCES:
            path = find_weights(recipe.cross_task.source, models / SOURCES).resolve()
            block = recipe.cross_task.model_copy(update={"source": str(path)})
            recipe = recipe.model_copy(update={"cross_task": block})
    return protocol.model_copy(update={"network": network, "recipe": recipe})


def start_weights(protocol: Protocol) -> Sequence[Path]:
    """The files that the protocol's network begins with, but for those of packages, which have one version."""
    files = [None if (name := _weights_file(protocol)) is None else Path(name)]
    if protocol.recipe.cross_task is not None:
        files.append(_source_file(protocol.recipe.cross_task.source))
    return [file for file in files if file is not None]


def _source_file(name: str) -> Path | None:
    if name not in NAMED_SOURCES:
        return Path(name)
    return shipped_source(name) if name == FACES else None


def _weights_file(protocol: Protocol) -> str | None:
    """The file that ``network.pretrained`` names; None if it names none."""
    name = protocol.network.start_weights
    return None if name == IMAGENET else name
