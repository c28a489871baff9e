"""Lengths and angles that a protocol derives from its landmarks."""

from __future__ import annotations

import numpy as np

from .geometry import FloatArray
from .points import Landmarks
from .protocol import Measurement, Protocol


def measure(protocol: Protocol, landmarks: Landmarks) -> list[dict[str, str | float]]:
    """The measurements of one image, in the protocol's order.

    Lengths are in millimetres where the image is calibrated, else in pixels. Angles are in degrees in [0, 180], at
    the middle landmark of three, in the same calibrated plane. A measurement is left out where one of its landmarks
    is not defined, or where an arm of an angle or the base of a height has no length.

    Args:
        protocol: says what to measure.
        landmarks: of one image; may lack some of the protocol's names.

    Returns:
        ``{"name": str, "value": float, "unit": "mm" | "px" | "deg"}`` each.
    """
    answers: list[dict[str, str | float]] = []
    for measurement in protocol.measurements:
        ends = [landmarks.point(name) if name in landmarks.names else None for name in measurement.between]
        points = np.array([end for end in ends if end is not None])
        if len(points) < len(ends):
            continue
        value = _value(measurement, points * landmarks.frame.scale)
        if value is not None:
            unit = "deg" if measurement.kind == "angle" else landmarks.frame.unit
            answers.append({"name": measurement.name, "value": value, "unit": unit})
    return answers


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
