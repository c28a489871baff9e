"""Where an image lies in the PACS, and which of its reports is the newest: notes on the image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from monai_ext.dicomweb import Instance
from monai_ext.landmarks import InputError
from monai_ext.studies import ImageEntry

#: The key of the place in the info of an image.
PLACE = "pacs"
#: The key of the newest report in the info of an image, as ``{"uid": ..., "time": ...}``; in the info of a final label
#: the UID of the report that holds it.
REPORT = "pacs_report"

_TIME = re.compile(r"(\d{8,14})(\.\d{1,6})?([+-]\d{4})?")


class Place(NamedTuple):
    """An instance, and which of its frames is the image, from 1; None where it has one."""

    instance: Instance
    frame: int | None = None

    @property
    def note(self) -> dict[str, Any]:
        study, series, uid, frames, _ = self.instance
        return {"study": study, "series": series, "instance": uid, "frames": frames, "frame": self.frame}

    @classmethod
    def of(cls, image: str, entry: ImageEntry) -> Place:
        """The place that is noted.

        Raises:
            InputError: none is.
        """
        note: Any = entry.image.info.get(PLACE)
        try:
            return cls(Instance(note["study"], note["series"], note["instance"], note["frames"]), note["frame"])
        except (KeyError, TypeError):
            raise InputError(f"Nothing is known of where {image!r} lies in the PACS: remove its label files.") from None


def newest_report(entry: ImageEntry) -> tuple[str, str]:
    """UID and time of the newest report on an image that was sent or taken; empty where there is none."""
    note = entry.image.info.get(REPORT)
    return (str(note.get("uid", "")), str(note.get("time", ""))) if isinstance(note, Mapping) else ("", "")


def takes_report(entry: ImageEntry, protocol: str, time: str) -> bool:
    """Tells whether the final label may become that of a report: unless it waits, is of another protocol, or newer."""
    is_newer = _in_utc(time) > _in_utc(newest_report(entry)[1])
    return not is_waiting(entry) and is_newer and entry.protocol("final") in (None, protocol)


def is_waiting(entry: ImageEntry) -> bool:
    """Tells whether the final label is in no report yet, or not in the newest one."""
    final = entry.labels.get("final")
    return final is not None and (not newest_report(entry)[0] or final.info.get(REPORT) != newest_report(entry)[0])


def _in_utc(time: str) -> str:
    """The time of a report as text that sorts, whatever the clock of its server; without an offset it is local time."""
    parts = _TIME.fullmatch(time)
    if parts is None:
        return time
    digits, fraction, offset = parts.groups(default="")
    form = f"%Y%m%d%H%M%S.%f{'%z' if offset else ''}"
    try:
        moment = datetime.strptime(f"{digits:0<14}{fraction or '.0'}{offset}", form)
        return moment.astimezone(timezone.utc).strftime("%Y%m%d%H%M%S.%f")
    except (ValueError, OverflowError):
        return time
