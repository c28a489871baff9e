"""Lengths, angles and ratios that a protocol derives from its landmarks, also as rows of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple

import numpy as np

from .geometry import FloatArray
from .points import Landmarks, Status
from .protocol import Measurement, Protocol

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


class Measured(NamedTuple):
    """One measurement of one image.

    Attributes:
        name: of the measurement.
        value: None if it cannot be measured.
        unit: "mm" where the image is calibrated, else "px"; "deg" of an angle, "1" of a ratio.
        reason: why there is no value; else empty.
        points: pixels (x, y) of its landmarks by name, in the measurement's order; None if one is not defined.
    """

    name: str
    value: float | None
    unit: str
    reason: str
    points: dict[str, FloatArray | None]


def measured(protocol: Protocol, landmarks: Landmarks) -> list[Measured]:
    """All measurements of one image, in the protocol's order, with the reason where one has no value.

    Lengths are in millimetres where the image is calibrated, else in pixels. Angles are in degrees in [0, 180], at
    the middle landmark of three, in the same calibrated plane, and so are the lengths of a ratio. There is no value
    where one of the landmarks is not defined, or where an arm of an angle, the base of a height or the divisor of a
    ratio has no length.

    Args:
        protocol: says what to measure.
        landmarks: of one image; may lack some of the protocol's names.
    """
    answers = []
    for measurement in protocol.measurements:
        ends = {n: landmarks.point(n) if n in landmarks.names else None for n in measurement.between}
        unit = measurement.unit(landmarks.frame.unit)
        absent = [_absence(landmarks, name) for name, end in ends.items() if end is None]
        value, reason = None, " and ".join(absent)
        if not absent:
            points = np.array([ends[name] for name in measurement.between])
            value = _value(measurement, points * landmarks.frame.scale)
            if value is None:
                part = {"angle": "an arm", "height": "the base", "ratio": "the divisor"}[measurement.kind]
                reason = f"{part} of the {measurement.kind} has no length"
        answers.append(Measured(measurement.name, value, unit, reason, ends))
    return answers


def measure(protocol: Protocol, landmarks: Landmarks) -> list[dict[str, str | float]]:
    """The measurements of one image that have a value, in the protocol's order (see :func:`measured`).

    Returns:
        ``{"name": str, "value": float, "unit": "mm" | "px" | "deg" | "1"}`` each.
    """
    return [
        {"name": item.name, "value": item.value, "unit": item.unit}
        for item in measured(protocol, landmarks)
        if item.value is not None
    ]


def _absence(landmarks: Landmarks, name: str) -> str:
    missing = name in landmarks.names and landmarks.status[landmarks.names.index(name)] == Status.MISSING
    return f"{name} is {'missing' if missing else 'not annotated'}"


def _value(measurement: Measurement, points: FloatArray) -> float | None:
    """The value for (2, 2), (3, 2) or (4, 2) points in the frame's unit; None if it does not exist."""
    if measurement.kind == "distance":
        return float(np.linalg.norm(points[1] - points[0]))
    if measurement.kind == "ratio":
        length, divisor = np.linalg.norm(points[1] - points[0]), np.linalg.norm(points[3] - points[2])
        return float(length / divisor) if divisor > 0 else None
    (ax, ay), (bx, by) = points[0] - points[1], points[2] - points[1]
    if measurement.kind == "height":
        base = float(np.hypot(bx, by))
        return float(abs(ax * by - ay * bx)) / base if base > 0 else None
    if (ax == 0 and ay == 0) or (bx == 0 and by == 0):
        return None
    # atan2 of the cross and the dot product is accurate near 0 and 180 degrees, where acos is not.
    return float(np.degrees(np.arctan2(abs(ax * by - ay * bx), ax * bx + ay * by)))


@dataclass(frozen=True)
class MeasurementRow:
    """One measurement of one image.

    Attributes:
        image: the image ID.
        protocol: name of the landmark task; empty if the label fits none.
        measurement: its name; empty if the whole label cannot be used.
        value: in ``unit``; None if it cannot be measured.
        unit: "mm", "px", "deg" or "1".
        reason: why there is no value; else empty.
        points: pixels (x, y) of its landmarks by name; None if one is not defined.
        annotator: who saved the label; empty if unknown.
        model_version: that proposed the points; empty if they were placed by hand or nobody noted it.
        spacing: millimetres per pixel along (x, y); None if the image is not calibrated.
        spacing_source: where the calibration came from, "none" without one.
        date: of the label, ISO 8601 in UTC; empty if unknown.
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
