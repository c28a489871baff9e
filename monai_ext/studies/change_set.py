"""One change of a studies folder: all of its files are complete on disk before the first takes its place."""

from __future__ import annotations

import contextlib
import os
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
from monai_ext.landmarks import StagedFile, json_text, make_folder, sync_folder, write_atomically

from .journal import Change
from .records import FileEntry, ImageEntry, LabelEntry, Objects


class ChangeSet:
    """A change by a request or after a look at the folder: records, lines of the journal, and files."""

    def __init__(self, objects: Objects) -> None:
        self.objects = dict(objects)
        self.lines: list[Change] = []
        self._prepared: list[StagedFile | SecondName] = []
        self._removed: list[Path] = []

    def write(self, path: Path, content: str | bytes) -> None:
        """Prepares a file; files take their places in the order in which they were prepared.

        Raises:
            OSError: the disk is full.
        """
        self._prepared.append(StagedFile(path, content))

    def keep(self, present: Path, path: Path) -> None:
        """Prepares a file that is the same as a present one, which this change replaces or removes.

        Raises:
            OSError: the present file cannot be read, or the disk is full.
        """
        make_folder(path.parent)
        self._prepared.append(SecondName(present, path))

    def remove(self, path: Path) -> None:
        """Removes a file after all others are written."""
        self._removed.append(path)

    def set_image(self, image: str, entry: FileEntry) -> None:
        """Records an image, saved or with new notes; its labels stay."""
        known = self.objects.get(image)
        self.lines.append(Change(op="image", image=image, entry=entry))
        self.objects[image] = ImageEntry(image=entry) if known is None else known.model_copy(update={"image": entry})

    def drop_image(self, image: str, sha256: str) -> None:
        """Records that the image file with that content is removed."""
        self.lines.append(Change(op="image_removed", image=image, sha256=sha256))
        del self.objects[image]

    def set_label(self, image: str, tag: str, label: LabelEntry) -> None:
        """Records a label of a known image, saved or with new notes."""
        self.lines.append(Change(op="label", image=image, tag=tag, label=label))
        self.objects[image] = self.objects[image].with_label(tag, label)

    def drop_label(self, image: str, tag: str, sha256: str) -> None:
        """Records that the label with that content is removed."""
        self.lines.append(Change(op="label_removed", image=image, tag=tag, sha256=sha256))
        self.objects[image] = self.objects[image].with_label(tag, None)

    def set_size(self, image: str, statement: dict[str, Any]) -> None:
        """Records what a person states of the pixel size of an image; the caller prepares the file that keeps it."""
        self.lines.append(Change(op="calibration", image=image, statement=statement))

    def apply(self) -> None:
        """Puts the prepared files in their places and then removes what is to go, each durably before the next."""
        last = None
        for prepared in self._prepared:
            if last not in (None, prepared.path.parent):
                sync_folder(last)
            prepared.commit()
            last = prepared.path.parent
        if last is not None:
            sync_folder(last)
        for path in self._removed:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in self._removed}:
            if folder.is_dir():
                sync_folder(folder)

    def discard(self) -> None:
        """Takes away what was prepared and has not taken its place."""
        for prepared in self._prepared:
            prepared.discard()


class SecondName:
    """A present file under a second name; a copy where the file system has no such thing, or the file is a link.

    A second name of a symbolic link would lead elsewhere from another folder, or to a file that others change.
    """

    def __init__(self, present: Path, path: Path) -> None:
        self._present, self.path = present, path

    def commit(self) -> None:
        if not self._present.is_symlink():
            with contextlib.suppress(OSError):
                os.link(self._present, self.path)
                return
        write_atomically(self.path, self._present.read_bytes())

    def discard(self) -> None:
        """Nothing was prepared."""


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
