"""Measurements of corrected labels as rows of a table: the value, or why there is none, and what it rests on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .measurements import measured
from .points import Landmarks
from .protocol import Protocol

COLUMNS = (
    "image",
    "protocol",
    "measurement",
    "value",
    "unit",
    "reason",
    "annotator",
    "model_version",
    "spacing_source",
    "mm_per_px_x",
    "mm_per_px_y",
    "date",
    "points",
)


@dataclass(frozen=True)
class MeasurementRow:
    """One measurement of one image.

    Attributes:
        image: the image ID.
        protocol: name of the landmark task; empty where the label fits none.
        measurement: its name; empty where the whole label cannot be used.
        value: in ``unit``; None where it cannot be measured.
        unit: "mm", "px" or "deg".
        reason: why there is no value; else empty.
        points: pixels (x, y) of its landmarks by name; None where one is not defined.
        annotator: who saved the label; empty where nobody noted it.
        model_version: that proposed the points; empty where they were placed by hand or nobody noted it.
        spacing: millimetres per pixel along (x, y); None where the image is not calibrated.
        spacing_source: where the calibration came from, "none" without one.
        date: of the label, ISO 8601 in UTC; empty where nobody noted it.
    """

    image: str
    protocol: str = ""
    measurement: str = ""
    value: float | None = None
    unit: str = ""
    reason: str = ""
    points: Mapping[str, tuple[float, float] | None] | None = None
    annotator: str = ""
    model_version: str = ""
    spacing: tuple[float, float] | None = None
    spacing_source: str = ""
    date: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON."""
        points = {name: None if xy is None else list(xy) for name, xy in (self.points or {}).items()}
        spacing = None if self.spacing is None else list(self.spacing)
        return {**vars(self), "points": points, "spacing": spacing}

    def fields(self) -> list[Any]:
        """The row of a table, in the order of :data:`COLUMNS`; an empty field where nothing is known."""
        shown = {**vars(self), "mm_per_px_x": None, "mm_per_px_y": None}
        if self.spacing is not None:
            shown |= {"mm_per_px_x": self.spacing[0], "mm_per_px_y": self.spacing[1]}
        ends = [f"{name} {xy[0]!r} {xy[1]!r}" if xy else name for name, xy in (self.points or {}).items()]
        shown["points"] = "; ".join(ends)
        return ["" if shown[name] is None else shown[name] for name in COLUMNS]


def measurement_rows(
    protocol: Protocol, image: str, landmarks: Landmarks, notes: Mapping[str, Any]
) -> list[MeasurementRow]:
    """The measurements of one label, in the protocol's order; all of them, also those without a value.

    Args:
        protocol: says what to measure.
        image: the image ID.
        landmarks: the label, in the frame of its image as it is calibrated now.
        notes: on the label, as the server keeps them.
    """
    frame, stamp = landmarks.frame, notes.get("ts")
    date = ""
    if isinstance(stamp, int | float) and not isinstance(stamp, bool):
        date = datetime.fromtimestamp(stamp, timezone.utc).isoformat(timespec="seconds")
    return [
        MeasurementRow(
            image,
            protocol.name,
            item.name,
            item.value,
            item.unit,
            item.reason,
            {name: None if xy is None else (float(xy[0]), float(xy[1])) for name, xy in item.points.items()},
            _text(notes.get("annotator")) or _text(notes.get("user")),
            _text(notes.get("model_version")),
            frame.spacing,
            frame.spacing_source,
            date,
        )
        for item in measured(protocol, landmarks)
    ]


def unusable_row(image: str, protocol: str, reason: str) -> MeasurementRow:
    """The row of a label that cannot be used at all."""
    return MeasurementRow(image, protocol, reason=reason)


def csv_of_rows(rows: Iterable[MeasurementRow]) -> str:
    """A CSV table with a header; numbers keep every digit, a value that does not exist is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.fields() for row in rows)
    return stream.getvalue()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
