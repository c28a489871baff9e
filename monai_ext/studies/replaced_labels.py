"""Labels that a command replaces: journalled, and kept as earlier versions, as the server's store does it.

The store finds the change when it looks at the folder the next time, also while the server runs. A folder that no
server has served yet has neither index nor journal, and gets none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from monai_ext.doctor.index import INDEX_FILE, Entry, read_index
from monai_ext.doctor.journal import HISTORY_FOLDER, JOURNAL_FILE, read_journal
from monai_ext.images import LABEL_EXTENSION
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import StagedFile, make_folder, sync_folder, write_atomically

from .folder import Studies
from .lock import studies_lock

_VERSION = re.compile(r"\d{8}T\d{6}Z-(\d{1,9})" + re.escape(LABEL_EXTENSION))


@dataclass(frozen=True)
class LabelReplacement:
    """New content of a label that there is.

    Attributes:
        image: its ID.
        tag: of the label.
        document: makes the new content from the file of the present one, once nobody else can change it.
        notes: what the label's info is to say beside what it says already.
    """

    image: str
    tag: str
    document: Callable[[Path], dict[str, Any]]
    notes: dict[str, Any] = field(default_factory=dict)


class _LabelLine(BaseModel):
    """What a line of the journal says of a label, if it is about one."""

    model_config = ConfigDict(extra="ignore")

    n: int
    image: str = ""
    tag: str = ""
    label: Entry | None = None


def replace_labels(studies: Studies, replacements: Sequence[LabelReplacement]) -> None:
    """Replaces labels; each present one becomes an earlier version, its notes go on with the new one.

    Args:
        studies: the folder.
        replacements: at most one for each label.

    Raises:
        InputError: another process holds the folder for too long, its index or journal is damaged, or a document
            cannot be made; no label is changed.
        OSError: the disk is full; no label is changed.
    """
    with studies_lock(studies.root):
        _replace(studies, replacements)


def _replace(studies: Studies, replacements: Sequence[LabelReplacement]) -> None:
    served = (studies.root / INDEX_FILE).exists() or (studies.root / JOURNAL_FILE).exists()
    records, number = _records(studies.root) if served else ({}, 0)
    staged: list[StagedFile] = []
    lines: list[bytes] = []
    try:
        for item in replacements:
            path = studies.label_path(item.image, item.tag)
            present, content = path.read_bytes(), _json_bytes(item.document(path), path)
            record = records.get((item.image, item.tag))
            info = dict(record.info) if record is not None and record.sha256 in {"", _digest(present)} else {}
            _keep(path, item, info)
            staged.append(StagedFile(path, content))
            number += 1
            info |= {**item.notes, "ts": int(time.time()), "name": path.name}
            lines.append(_line(number, item, info, _digest(content)))
        if served:
            _append(studies.root / JOURNAL_FILE, b"".join(lines))
        for file in staged:
            file.commit()
        for folder in {file.path.parent for file in staged}:
            sync_folder(folder)
    finally:
        for file in staged:
            file.discard()


def _records(root: Path) -> tuple[dict[tuple[str, str], Entry], int]:
    """The notes on each label by image and tag, and the number of the last change.

    Raises:
        InputError: the index or the journal is damaged.
    """
    index, journal = read_index(root), read_journal(root)
    if index is None or journal.damaged or journal.is_torn:
        which = f"{INDEX_FILE} is gone" if index is None else f"{JOURNAL_FILE} is damaged"
        raise InputError(f"{root}: {which}; start the server once, which mends it, and try again.")
    records = {(image, tag): label for image, entry in index.objects.items() for tag, label in entry.labels.items()}
    if journal.exists:
        for text in (root / JOURNAL_FILE).read_bytes().splitlines():
            line = _LabelLine.model_validate_json(text)
            if line.n > index.changes and line.label is not None:
                records[line.image, line.tag] = line.label
    # The first number is 2: a journal begins with a snapshot.
    return records, max(index.changes, journal.last, 1)


def _keep(path: Path, item: LabelReplacement, info: dict[str, Any]) -> None:
    """Gives the present label a second name among its earlier versions, with its notes beside it."""
    folder = path.parent.parent / HISTORY_FOLDER / item.tag / item.image
    numbers = [int(found[1]) for old in folder.glob(f"*{LABEL_EXTENSION}") if (found := _VERSION.fullmatch(old.name))]
    version = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{max(numbers, default=0) + 1}"
    make_folder(folder)
    notes = {"reason": "replaced", "info": info}
    write_atomically(folder / f"{version}.info.json", json.dumps(notes, indent=2))
    write_atomically(folder / f"{version}{LABEL_EXTENSION}", path.read_bytes())


def _line(number: int, item: LabelReplacement, info: dict[str, Any], sha256: str) -> bytes:
    label = {"ext": LABEL_EXTENSION, "info": info, "sha256": sha256}
    change = {"n": number, "time": int(time.time()), "op": "label", "image": item.image, "tag": item.tag}
    return json.dumps({**change, "label": label}, allow_nan=False).encode() + b"\n"


def _append(journal: Path, lines: bytes) -> None:
    """Writes whole lines at the end, durably, or leaves the journal as it was."""
    with journal.open("ab") as stream:
        before = stream.tell()
        try:
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())
        except OSError:
            os.truncate(journal, before)
            raise


def _json_bytes(document: dict[str, Any], path: Path) -> bytes:
    try:
        return (json.dumps(document, indent=2) + "\n").encode()
    except RecursionError:
        raise InputError(f"{path} is nested too deep to be changed: save the points anew in Slicer.") from None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
