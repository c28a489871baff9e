"""Records of final labels that began as proposals of a model, read from a studies folder without the server."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast, get_args

from monai_ext.landmarks import InputError, Unit
from monai_ext.studies import READINGS, Studies, first_submission, label_notes, read_index, read_journal


@dataclass(frozen=True)
class AgreementRecord:
    """The first final label of an image, which a person made from the points that a model proposed.

    Attributes:
        image: its ID.
        protocol: name of the landmark task.
        model_version: that proposed the points.
        unit: of the distances.
        time: of the submission, in seconds since 1970 (UTC).
        distances: by landmark, how far its point was moved; None if there was no point before or after.
    """

    image: str
    protocol: str
    model_version: str
    unit: Unit
    time: int
    distances: Mapping[str, float | None]

    @property
    def date(self) -> str:
        """The time of the submission as ISO 8601."""
        return iso_date(self.time)

    @property
    def mean(self) -> float | None:
        """The mean distance over the landmarks; None if none was measured."""
        known = [distance for distance in self.distances.values() if distance is not None]
        return math.fsum(known) / len(known) if known else None


def iso_date(time: int) -> str:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time, timezone.utc).isoformat()


def agreement_record(image: str, info: Mapping[str, Any]) -> AgreementRecord | None:
    """The record in the info of a final label; None if its points were first placed by hand or not compared.

    A label that was corrected later counts with its first submission (see :mod:`monai_ext.studies.records`); one
    that was first placed by hand does not count, even if a later correction began with a proposal.

    Args:
        image: the image ID.
        info: of its final label.

    Raises:
        InputError: the notes are not what a server writes.
    """
    first = first_submission(info)
    version, distances = first["model_version"], first["displacement"]
    if version is None or distances is None:
        return None
    unit, time, protocol = first["unit"], first["ts"], info.get("protocol")
    whole = (
        isinstance(version, str)
        and isinstance(protocol, str)
        and unit in get_args(Unit)
        and isinstance(time, int)
        and isinstance(distances, Mapping)
        and all(distance is None or _is_length(distance) for distance in distances.values())
    )
    if not whole:
        raise InputError(
            f"The notes on the final label of {image} do not say how far its points were moved: {first!r:.200}; "
            "save the label again."
        )
    known = {str(name): None if d is None else float(d) for name, d in distances.items()}
    return AgreementRecord(image, cast(str, protocol), cast(str, version), cast(Unit, unit), cast(int, time), known)


def _is_length(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


#: A server that works writes the journal first; so long after, the index of the same change is written too.
MID_CHANGE_SECONDS = 1.0


def read_agreement(studies_root: str | Path, protocol: str) -> list[AgreementRecord]:
    """The records of a protocol, oldest first, from the server's index; none where no server has worked there yet.

    Labels that have been deleted or replaced without the server since are gone from the record. What cannot be used is
    warned of.

    Args:
        studies_root: the studies folder.
        protocol: name of the landmark task.

    Raises:
        InputError: the folder does not exist, or its index is damaged or cannot be read.
    """
    root = Path(studies_root)
    studies = Studies(root)
    images = studies.images()
    last, index = _last_change(root), read_index(root)
    if index is not None and last > index.changes:
        time.sleep(MID_CHANGE_SECONDS)
        index = read_index(root)
    if index is None:
        return []
    if last > index.changes:
        warnings.warn(
            f"The index of {root} does not contain the last {last - index.changes} changes; the next start of the "
            "server adds them.",
            stacklevel=2,
        )
    records = []
    for image in images:
        # With several readers, each reading is a record of the network.
        paths = {tag: path for tag in (*READINGS, "final") if (path := studies.label_path(image, tag)).is_file()}
        places = [tag for tag in READINGS if tag in paths] or list(paths)
        for notes in (label_notes(index, image, tag, paths[tag]) for tag in places):
            if notes.get("protocol") != protocol:
                continue
            try:
                record = agreement_record(image, notes)
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
