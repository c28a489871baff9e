"""The finished and unfinished cells of a series of training runs on disk.

``cells/<cell>/`` holds ``begun.json`` (what the cell is, and the seconds spent), ``model/`` (the model folder),
``predictions.csv`` (every predicted point) and, when all is done, ``cell.json``.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from monai_ext.landmarks.files import read_json, write_json_atomically

CELLS, BEGUN, TRAINED, DONE, PREDICTIONS, MODEL = (
    "cells",
    "begun.json",
    "trained.json",
    "cell.json",
    "predictions.csv",
    "model",
)


class NamedCell(Protocol):
    """One training run of a series."""

    @property
    def name(self) -> str:
        """Name of its folder."""

    @property
    def title(self) -> str:
        """What a person calls it."""


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

    def finished(self) -> dict[str, Any] | None:
        """What is known of the finished cell; None where it is not finished, or is of other data or options."""
        document = self._own(DONE)
        return document if document is not None and self.predictions.is_file() else None

    def trained(self) -> dict[str, Any] | None:
        """What training left; None where it did not end."""
        return self._own(TRAINED)

    def begin(self) -> float:
        """Makes room for the cell; the seconds that an interrupted run of it took so far.

        Warns:
            UserWarning: there was a cell of other data or options, which is removed.
        """
        begun = self._own(BEGUN)
        if begun is not None:
            if self.trained() is None and (self.model / "card.json").is_file():
                shutil.rmtree(self.model)  # stopped between publishing and the note of it
            return float(begun["seconds"])
        if self.path.is_dir():
            warnings.warn(
                f"{self.path} is of other images, labels or options; it is trained anew.",
                stacklevel=2,
            )
            shutil.rmtree(self.path)
        self.spend(0.0)
        return 0.0

    def spend(self, seconds: float) -> None:
        """Notes how long the cell has been trained so far."""
        self._write(BEGUN, {"seconds": seconds})

    def note_training(self, document: Mapping[str, Any]) -> None:
        """Notes that training has ended."""
        self._write(TRAINED, document)

    def finish(self, document: Mapping[str, Any], *, keep_weights: bool) -> None:
        """Notes that the cell is done, and removes its weights unless they are kept."""
        self._write(DONE, document)
        if not keep_weights:
            shutil.rmtree(self.model, ignore_errors=True)

    def _own(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        if not path.is_file():
            return None
        document: dict[str, Any] = read_json(path)
        return document if document.get("signature") == self.signature else None

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        write_json_atomically(self.path / name, {"signature": self.signature, **document})
