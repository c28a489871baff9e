"""Lengths and angles between the points as they are now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .geometry import Geometry
from .json_fields import Position
from .task_definition import MeasurementDefinition, TaskDefinition


class MeasuredValue(NamedTuple):
    """One measurement.

    Attributes:
        value: None where one of its landmarks has no point, or where an angle has an arm without length.
        unit: ``mm``, ``px`` or ``deg``.
    """

    definition: MeasurementDefinition
    value: float | None
    unit: str

    @property
    def text(self) -> str:
        """What a table shows: ``12.3 mm``, or a dash where there is no value."""
        if self.value is None:
            return "–"
        return f"{self.value:.1f}°" if self.unit == "deg" else f"{self.value:.1f} {self.unit}"


def measure(task: TaskDefinition, positions: Mapping[str, Position | None], geometry: Geometry) -> list[MeasuredValue]:
    """All measurements of a task in its order.

    Args:
        task: says what to measure.
        positions: LPS millimetres by landmark name; None or absent where there is no point.
        geometry: of the image; lengths are in its unit, angles in degrees in [0, 180] in the calibrated plane.
    """
    found = []
    for definition in task.measurements:
        ends = [positions.get(name) for name in definition.between]
        plane = [geometry.to_plane(end) for end in ends if end is not None]
        value = _value(definition.kind, plane) if len(plane) == len(ends) else None
        found.append(MeasuredValue(definition, value, "deg" if definition.kind == "angle" else geometry.unit))
    return found


def _value(kind: str, points: Sequence[tuple[float, float]]) -> float | None:
    if kind == "distance":
        return math.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1])
    ax, ay = points[0][0] - points[1][0], points[0][1] - points[1][1]
    bx, by = points[2][0] - points[1][0], points[2][1] - points[1][1]
    cross = abs(ax * by - ay * bx)
    if kind == "height":
        base = math.hypot(bx, by)
        return cross / base if base > 0 else None
    if (ax == 0 and ay == 0) or (bx == 0 and by == 0):
        return None
    return math.degrees(math.atan2(cross, ax * bx + ay * by))
