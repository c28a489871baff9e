"""The journal: every change of the notes as one line, on disk before the change itself takes place.

The first line is a snapshot of all notes; when the file has grown, it is replaced by a new snapshot in one step.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monai_ext.landmarks import sync_folder, write_atomically

from .index_file import Repairs, unused_name
from .records import FileEntry, LabelEntry, Objects, StudiesIndex

JOURNAL_FILE = "journal.jsonl"

#: Bytes that the journal may grow by before it is replaced by a snapshot; at least the size of the snapshot.
GROWTH = 1 << 20
#: So much of the first line, which holds its number and time, distinguishes a journal from the one that replaces it.
_HEAD_BYTES = 64


class Change(BaseModel):
    """One change of the notes.

    Attributes:
        n: numbers the changes; 0 until it is written.
        time: seconds since 1970.
        op: what changed; ``label`` and ``image`` are saved files or new notes on them.
        image: the image ID.
        tag: of a label.
        label: the record of a label after the change.
        entry: the record of an image after the change.
        statement: what is stated of the pixel size of an image after the change; its file is ``calibration.json``.
        sha256: of a removed file, to tell whether it was removed.
        objects: all records, in a snapshot.
    """

    model_config = ConfigDict(extra="forbid")

    n: int = 0
    time: int = Field(default_factory=lambda: int(time.time()))
    op: Literal["snapshot", "label", "image", "label_removed", "image_removed", "calibration"]
    image: str = ""
    tag: str = ""
    label: LabelEntry | None = None
    entry: FileEntry | None = None
    statement: dict[str, Any] | None = None
    sha256: str = ""
    objects: Objects | None = None

    def line(self) -> bytes:
        """The change as it is written."""
        return self.model_dump_json(exclude_defaults=True).encode() + b"\n"


class Journal:
    """``journal.jsonl``. The caller holds the folder's lock.

    Attributes:
        last: the number of the last change that was read or written.
        is_damaged: whether lines could not be read; a new snapshot ends that.

    Args:
        root: the studies folder.
        repairs: where damage is reported.
    """

    def __init__(self, root: Path, repairs: Repairs) -> None:
        self.path = root / JOURNAL_FILE
        self.last = 0
        self.is_damaged = False
        self._repairs = repairs
        self._head, self._end, self._snapshot_end = b"", 0, 0

    def read_after(self, number: int) -> list[Change]:
        """Reads the changes after a number, oldest first; only what is new since the last call where that will do.

        A last line that was written half belongs to a change that never took place, and is taken off. Other lines
        that cannot be read are reported, and the file is kept aside.
        """
        try:
            stat = os.stat(self.path)
        except FileNotFoundError:
            self.forget()
            return []
        with self.path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
            if number < self.last or head[: len(self._head)] != self._head or stat.st_size < self._end:
                self.forget()
            stream.seek(self._end)
            content = stream.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._cut(self._end + len(whole))
        changes = list(self._parse(whole))
        self._head, self._end = head[: self._end + len(whole)], self._end + len(whole)
        self.last = max([self.last, *(change.n for change in changes)])
        return [change for change in changes if change.n > number]

    def append(self, changes: list[Change]) -> None:
        """Writes changes, durably.

        Raises:
            OSError: the disk is full; the journal is then as it was.
        """
        content = memoryview(b"".join(change.line() for change in changes))
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        try:
            before = os.fstat(descriptor)
            try:
                written = 0
                while written < len(content):
                    written += os.write(descriptor, content[written:])
                os.fsync(descriptor)
            except BaseException:
                os.ftruncate(descriptor, before.st_size)
                raise
        finally:
            os.close(descriptor)
        if before.st_size == 0:
            sync_folder(self.path.parent)
        self._head = (self._head + bytes(content))[:_HEAD_BYTES]
        self._end = before.st_size + len(content)
        self.last = changes[-1].n

    def needs_snapshot(self, number: int) -> bool:
        """Returns whether it is long, damaged, has no snapshot or ends before a change of that number."""
        grown = self._end - self._snapshot_end
        return (
            grown > max(GROWTH, self._snapshot_end) or self.is_damaged or not self._snapshot_end or self.last < number
        )

    def replace(self, model: StudiesIndex) -> None:
        """Replaces all lines by one snapshot of the notes, in one step.

        Raises:
            OSError: the disk is full; the journal is then as it was.
        """
        line = Change(n=model.changes, op="snapshot", objects=model.objects).line()
        write_atomically(self.path, line)
        self._head, self._end, self._snapshot_end = line[:_HEAD_BYTES], len(line), len(line)
        self.last, self.is_damaged = model.changes, False

    def forget(self) -> None:
        """Lets the next look read the file again."""
        self._head, self._end, self._snapshot_end, self.last = b"", 0, 0, 0

    def set_aside(self) -> Path:
        """Keeps a copy under another name; returns its path."""
        aside = unused_name(self.path)
        shutil.copyfile(self.path, aside)
        return aside

    def _cut(self, size: int) -> None:
        self._repairs.add(
            f"The last line of {self.path} was written half, by a process that was ended; it is left out, as the "
            "change never took place."
        )
        os.truncate(self.path, size)

    def _parse(self, content: bytes) -> Iterator[Change]:
        damaged = 0
        for size, change in _changes(content):
            if change is None:
                damaged += 1
                continue
            if change.op == "snapshot":
                self._snapshot_end = size
            yield change
        if damaged:
            self._repairs.add(
                f"{damaged} lines of {self.path} are damaged and are left out; notes on labels may be older than "
                f"their files, and the damaged journal is kept as {self.set_aside().name}."
            )
            self.is_damaged = True


class JournalState(NamedTuple):
    """State of a journal as it lies on the disk.

    Attributes:
        exists: whether there is one.
        last: the number of its last change.
        has_snapshot: whether the notes can be made from it alone.
        damaged: the numbers of lines that cannot be read.
        is_torn: whether its end was written half.
    """

    exists: bool = False
    last: int = 0
    has_snapshot: bool = False
    damaged: tuple[int, ...] = ()
    is_torn: bool = False

    @property
    def replaces_index(self) -> bool:
        """Returns whether a lost index can be made from it without loss."""
        return self.has_snapshot and not self.damaged


def read_journal(studies: Path) -> JournalState:
    """Reads the journal of a studies folder, beside the server that writes it; nothing is repaired.

    Raises:
        OSError: it cannot be read.
    """
    try:
        content = (Path(studies) / JOURNAL_FILE).read_bytes()
    except FileNotFoundError:
        return JournalState()
    whole = content[: content.rfind(b"\n") + 1]
    changes = [change for _, change in _changes(whole)]
    return JournalState(
        exists=True,
        last=max((change.n for change in changes if change is not None), default=0),
        has_snapshot=any(change is not None and change.op == "snapshot" for change in changes),
        damaged=tuple(number for number, change in enumerate(changes, start=1) if change is None),
        is_torn=len(whole) < len(content),
    )


def _changes(content: bytes) -> Iterator[tuple[int, Change | None]]:
    """Parses whole lines: the bytes of each, and its change; None for one that cannot be read."""
    for line in content.splitlines(keepends=True):
        try:
            change = Change.model_validate_json(line)
        except ValidationError:
            yield len(line), None
        else:
            yield len(line), change if change.n else None
