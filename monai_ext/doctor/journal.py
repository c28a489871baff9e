"""The journal of a studies folder (``journal.jsonl``) and the earlier versions of its labels, read, never mended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from monai_ext.images import LABEL_EXTENSION
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json

from .check import OK, WARNING, Check, count, listed

JOURNAL_FILE = "journal.jsonl"
HISTORY_FOLDER = ".history"


class _Line(BaseModel):
    """What every line of a journal has."""

    model_config = ConfigDict(extra="ignore")

    n: int
    op: Literal["snapshot", "label", "image", "label_removed", "image_removed", "calibration"]


class Journal(NamedTuple):
    """What a journal holds.

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
        """Whether a lost index can be made from it without loss."""
        return self.has_snapshot and not self.damaged


def read_journal(studies: Path) -> Journal:
    """The journal of a studies folder.

    Raises:
        OSError: it cannot be read.
    """
    try:
        content = (Path(studies) / JOURNAL_FILE).read_bytes()
    except FileNotFoundError:
        return Journal()
    *whole, rest = content.split(b"\n")
    last, has_snapshot, damaged = 0, False, []
    for number, text in enumerate(whole, start=1):
        try:
            line = _Line.model_validate_json(text)
        except ValidationError:
            damaged.append(number)
            continue
        last = max(last, line.n)
        has_snapshot = has_snapshot or line.op == "snapshot"
    return Journal(True, last, has_snapshot, tuple(damaged), bool(rest))


def check_journal(journal: Journal, index_changes: int) -> Check:
    """Whether every line can be read, and the index and the journal tell of the same changes.

    Args:
        journal: as it was read.
        index_changes: the number of the last change that the index holds; 0 where nobody wrote one.
    """
    name = f"Journal {JOURNAL_FILE}"
    start = "The next server start mends it"
    if not journal.exists:
        if index_changes:
            found = f"it is gone, though the index tells of {count(index_changes, 'change')}"
            return Check(name, WARNING, found, f"{start}, from the index; nothing is lost by that.")
        return Check(name, OK, "none yet; the server makes it")
    if journal.damaged:
        lines = listed(map(str, journal.damaged))
        found = f"damaged at line {lines}: notes on labels may be older than the labels"
        return Check(name, WARNING, found, f"{start} and keeps a copy; look into a backup for notes that you miss.")
    if journal.is_torn:
        found = "its last line was written half, by a process that was ended; that change never took place"
        return Check(name, WARNING, found, f"{start}; look whether the last label that was saved is there.")
    if journal.last < index_changes:
        found = f"it ends at change {journal.last}, the index at {index_changes}: one of them is of another time"
        return Check(name, WARNING, found, f"{start}, from the index; put files of one backup back together.")
    behind = journal.last - index_changes
    if behind:
        return Check(name, OK, f"readable; the next server start takes {count(behind, 'change')} into the index")
    return Check(name, OK, f"readable, {count(journal.last, 'change')}")


def check_history(labels: Path) -> Check:
    """How many earlier versions of labels are kept, and whether they can be read.

    Args:
        labels: the folder ``labels`` of the studies.
    """
    name = "Earlier versions"
    files = sorted((labels / HISTORY_FOLDER).glob(f"*/*/*{LABEL_EXTENSION}"))
    if not files:
        return Check(name, OK, "none")
    damaged = [str(path.relative_to(labels)) for path in _unreadable(files)]
    if damaged:
        return Check(name, WARNING, f"cannot be read: {listed(damaged)}", "They cannot be put back; remove them.")
    return Check(name, OK, f"{len(files)} of {count(len({path.parent for path in files}), 'label')} are kept")


def _unreadable(files: Iterable[Path]) -> list[Path]:
    bad = []
    for path in files:
        try:
            whole = isinstance(read_json(path), dict)
        except InputError:
            whole = False
        if not whole:
            bad.append(path)
    return bad
