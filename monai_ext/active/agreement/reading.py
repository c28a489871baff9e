"""The records of agreement in a studies folder, read without the server that wrote them."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.studies import READINGS, Studies, read_index, read_journal

from .record import AgreementRecord, agreement_record

#: A server that works writes the journal first; so long after, the index of the same change is written too.
MID_CHANGE_SECONDS = 1.0


def read_agreement(studies_root: str | Path, protocol: str) -> list[AgreementRecord]:
    """The records of a protocol, oldest first, from the server's index; none where no server has worked there yet.

    Labels that have been deleted since are gone from the record. What cannot be used is warned of.

    Args:
        studies_root: the studies folder.
        protocol: name of the landmark task.

    Raises:
        InputError: the folder does not exist, or its index is damaged or cannot be read.
    """
    root = Path(studies_root)
    labelled = Studies(root).labelled()
    last, index = _last_change(root), read_index(root)
    if index is not None and last > index.changes:
        time.sleep(MID_CHANGE_SECONDS)
        index = read_index(root)
    if index is None:
        return []
    if last > index.changes:
        warnings.warn(
            f"The index of {root} lacks its last {last - index.changes} changes; the next server start takes them in.",
            stacklevel=2,
        )
    records = []
    for image in labelled:
        entry = index.objects.get(image)
        if entry is None:
            continue
        # Of several readers each one tells of the network.
        places = [tag for tag in READINGS if tag in entry.labels] or ["final"]
        for info in (entry.labels[tag].info for tag in places if entry.protocol(tag) == protocol):
            try:
                record = agreement_record(image, info)
            except InputError as error:
                warnings.warn(str(error), stacklevel=2)
                continue
            if record is not None:
                records.append(record)
    return sorted(records, key=lambda record: (record.time, record.image))


def _last_change(root: Path) -> int:
    try:
        return read_journal(root).last
    except OSError as error:
        raise InputError(f"The journal of {root} cannot be read: {error.strerror or error}.") from None
