"""Checks of the journal of a studies folder and of the earlier versions of its labels."""

from __future__ import annotations

from pathlib import Path

from monai_ext.images import LABEL_EXTENSION
from monai_ext.studies import HISTORY_FOLDER, JOURNAL_FILE, JournalState, is_readable

from .check import OK, WARNING, Check, count, listed


def check_journal(journal: JournalState, index_changes: int) -> Check:
    """Check that every line can be read, and that the index and the journal contain the same changes.

    Args:
        journal: as it was read.
        index_changes: the number of the last change in the index; 0 if there is none.
    """
    name = f"Journal {JOURNAL_FILE}"
    start = "The next start of the server repairs it"
    if not journal.exists:
        if index_changes:
            found = f"it is missing, but the index refers to {count(index_changes, 'change')}"
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
    """Count of the earlier versions of labels, and check that they can be read.

    Args:
        labels: the folder ``labels`` of the studies.
    """
    name = "Earlier versions"
    files = sorted((labels / HISTORY_FOLDER).glob(f"*/*/*{LABEL_EXTENSION}"))
    if not files:
        return Check(name, OK, "none")
    damaged = [str(path.relative_to(labels)) for path in files if not is_readable(path)]
    if damaged:
        return Check(name, WARNING, f"cannot be read: {listed(damaged)}", "They cannot be put back; remove them.")
    return Check(name, OK, f"{len(files)} of {count(len({path.parent for path in files}), 'label')} are kept")
