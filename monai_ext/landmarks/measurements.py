"""Lengths and angles that a protocol derives from its landmarks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .geometry import FloatArray
from .points import Landmarks, Status
from .protocol import Measurement, Protocol


class Measured(NamedTuple):
    """One measurement of one image.

    Attributes:
        name: of the measurement.
        value: None where it cannot be measured.
        unit: "mm" where the image is calibrated, else "px"; "deg" of an angle.
        reason: why there is no value; else empty.
        points: pixels (x, y) of its landmarks by name, in the measurement's order; None where one is not defined.
    """

    name: str
    value: float | None
    unit: str
    reason: str
    points: dict[str, FloatArray | None]


def measured(protocol: Protocol, landmarks: Landmarks) -> list[Measured]:
    """All measurements of one image, in the protocol's order, with the reason where one has no value.

    Lengths are in millimetres where the image is calibrated, else in pixels. Angles are in degrees in [0, 180], at
    the middle landmark of three, in the same calibrated plane. There is no value where one of the landmarks is not
    defined, or where an arm of an angle or the base of a height has no length.

    Args:
        protocol: says what to measure.
        landmarks: of one image; may lack some of the protocol's names.
    """
    answers = []
    for measurement in protocol.measurements:
        ends = {n: landmarks.point(n) if n in landmarks.names else None for n in measurement.between}
        unit = "deg" if measurement.kind == "angle" else landmarks.frame.unit
        absent = [_absence(landmarks, name) for name, end in ends.items() if end is None]
        value, reason = None, " and ".join(absent)
        if not absent:
            value = _value(measurement, np.array(list(ends.values())) * landmarks.frame.scale)
            if value is None:
                reason = (
                    f"{'an arm' if measurement.kind == 'angle' else 'the base'} of the {measurement.kind} has no length"
                )
        answers.append(Measured(measurement.name, value, unit, reason, ends))
    return answers


def measure(protocol: Protocol, landmarks: Landmarks) -> list[dict[str, str | float]]:
    """The measurements of one image that have a value, in the protocol's order (see :func:`measured`).

    Returns:
        ``{"name": str, "value": float, "unit": "mm" | "px" | "deg"}`` each.
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
    """The value for (2, 2) or (3, 2) points in the frame's unit; None where it does not exist."""
    if measurement.kind == "distance":
        return float(np.linalg.norm(points[1] - points[0]))
    (ax, ay), (bx, by) = points[0] - points[1], points[2] - points[1]
    if measurement.kind == "height":
        base = float(np.hypot(bx, by))
        return float(abs(ax * by - ay * bx)) / base if base > 0 else None
    if (ax == 0 and ay == 0) or (bx == 0 and by == 0):
        return None
    # atan2 of the cross and the dot product is accurate near 0 and 180 degrees, where acos is not.
    return float(np.degrees(np.arctan2(abs(ax * by - ay * bx), ax * bx + ay * by)))
