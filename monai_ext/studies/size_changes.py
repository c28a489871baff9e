"""Stated pixel sizes: kept, withdrawn and undone as a part of one change of a studies folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_ext.images import (
    CALIBRATION_FILE,
    StatedSize,
    same_name,
    with_stated_sizes,
    with_statement_undone,
    without_statements,
)
from monai_ext.landmarks import json_text

from .change_set import ChangeSet


@dataclass(frozen=True)
class SizeChanges:
    """The changes of ``calibration.json``; each keeps what was stated before. The caller holds the folder's lock."""

    root: Path

    def state(self, changes: ChangeSet, image: str, size: StatedSize) -> None:
        """Keeps the pixel size of an image.

        Raises:
            InputError: the present file is malformed.
        """
        self._write(changes, image, with_stated_sizes(self.root, {image: size}))

    def withdraw(self, changes: ChangeSet, image: str) -> None:
        """Takes the pixel size of an image away.

        Raises:
            NothingStatedError: there is none.
        """
        self._write(changes, image, with_stated_sizes(self.root, {image: None}))

    def forget(self, changes: ChangeSet, image: str) -> None:
        """Takes all statements on an image away that is removed or becomes another one: none of them can be undone.

        Raises:
            InputError: the present file is malformed.
        """
        document = without_statements(self.root, image)
        if document is not None:
            self._write(changes, image, document)

    def undo(self, changes: ChangeSet, image: str) -> None:
        """Brings back what was stated before the last change of an image.

        Raises:
            NothingStatedError: no earlier statement is kept.
        """
        self._write(changes, image, with_statement_undone(self.root, image))

    def _write(self, changes: ChangeSet, image: str, document: dict[str, Any]) -> None:
        path = self.root / CALIBRATION_FILE
        changes.write(path, json_text(path, document))
        entry = document.get(same_name(image, document) or image, {})
        changes.set_size(image, {name: value for name, value in entry.items() if name != "earlier"})
