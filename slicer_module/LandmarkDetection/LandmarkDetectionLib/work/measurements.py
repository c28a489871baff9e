"""Lengths, angles and ratios between the points, and checks for swapped or coinciding pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..server.geometry import Geometry
from ..server.json_fields import Position
from ..server.task_definition import MeasurementDefinition, TaskDefinition
from ..words import tr as _
from .point_state import PointState


class MeasuredValue(NamedTuple):
    """One measurement.

    Attributes:
        value: None if one of its landmarks has no point, or where an angle has an arm without length, a height
            such a base or a ratio such a divisor.
        unit: ``mm``, ``px``, ``deg`` or, of a ratio, ``1``.
    """

    definition: MeasurementDefinition
    value: float | None
    unit: str

    @property
    def text(self) -> str:
        """Displayed text: ``12.3 mm``, ``0.38`` of a ratio, or a dash without a value."""
        if self.value is None:
            return "–"
        if self.unit == "1":
            return f"{self.value:.2f}"
        return f"{self.value:.1f}°" if self.unit == "deg" else f"{self.value:.1f} {self.unit}"


def measure(task: TaskDefinition, positions: Mapping[str, Position | None], geometry: Geometry) -> list[MeasuredValue]:
    """All measurements of a task in its order; lengths in the geometry's unit, angles in degrees in [0, 180].

    A ratio has the unit ``1``.
    """
    units = {"angle": "deg", "ratio": "1"}
    found = []
    for definition in task.measurements:
        ends = [positions.get(name) for name in definition.between]
        plane = [geometry.to_plane(end) for end in ends if end is not None]
        value = _value(definition.kind, plane) if len(plane) == len(ends) else None
        found.append(MeasuredValue(definition, value, units.get(definition.kind, geometry.unit)))
    return found


def _value(kind: str, points: Sequence[tuple[float, float]]) -> float | None:
    if kind == "distance":
        return math.dist(*points)
    if kind == "ratio":
        divisor = math.dist(*points[2:])
        return math.dist(*points[:2]) / divisor if divisor > 0 else None
    ax, ay = points[0][0] - points[1][0], points[0][1] - points[1][1]
    bx, by = points[2][0] - points[1][0], points[2][1] - points[1][1]
    cross = abs(ax * by - ay * bx)
    if kind == "height":
        base = math.hypot(bx, by)
        return cross / base if base > 0 else None
    if (ax == 0 and ay == 0) or (bx == 0 and by == 0):
        return None
    return math.degrees(math.atan2(cross, ax * bx + ay * by))


_Vector = tuple[float, float]


class PairWarning(NamedTuple):
    """Two landmarks of a pair that look wrong.

    Attributes:
        first, second: their indices.
        sentence: for the person.
    """

    first: int
    second: int
    sentence: str


#: Two points of a pair lie on one another within this many pixels, or this share of the predictions' distance.
NEAR_PIXELS, NEAR_SHARE = 2.0, 0.1


def doubtful_pairs(task: TaskDefinition, points: Sequence[PointState], geometry: Geometry) -> list[PairWarning]:
    """The pairs whose points coincide, and those that look swapped, in the order of the task."""
    found = {(warning.first, warning.second): warning for warning in swapped_pairs(task, points, geometry)}
    found.update({(warning.first, warning.second): warning for warning in coinciding_pairs(task, points, geometry)})
    return [found[pair] for pair in task.pairs if pair in found]


def coinciding_pairs(task: TaskDefinition, points: Sequence[PointState], geometry: Geometry) -> list[PairWarning]:
    """The pairs whose two points coincide, as where one was dragged onto its partner.

    That is within :data:`NEAR_SHARE` of the distance of their predictions where both are known, as some pairs lie close
    together by nature, and else within :data:`NEAR_PIXELS`.
    """
    found = []
    for a, b in task.pairs:
        first, second = points[a], points[b]
        if first.position is None or second.position is None:
            continue
        apart, limit = geometry.pixel_distance(first.position, second.position), NEAR_PIXELS
        if first.predicted is not None and second.predicted is not None:
            limit = NEAR_SHARE * geometry.pixel_distance(first.predicted, second.predicted)
        if apart < limit:
            found.append(
                PairWarning(a, b, _("{names} coincide: check which is which.").format(names=_pair_names(task, a, b)))
            )
    return found


def swapped_pairs(task: TaskDefinition, points: Sequence[PointState], geometry: Geometry) -> list[PairWarning]:
    """The pairs that look swapped, in the order of the task.

    Two signs count. A pair runs against the other pairs of the image: the line from its first to its second point
    points the opposite way to what most other pairs together show. Or, where the other pairs do not decide, each of
    its points lies nearer to where the network put its partner. A pair that a person accepted as the network put it
    is never doubted for the second reason, as it lies on its own prediction. Which way left and right lie in the
    image is never assumed: photographs are mirrored, and some tasks mean sides of the image, others of the patient.
    """
    pairs = [(a, b) for a, b in task.pairs if points[a].position is not None and points[b].position is not None]
    vectors = [_vector(points[a], points[b], geometry) for a, b in pairs]
    found = []
    for (a, b), vector in zip(pairs, vectors):
        against = _against_the_others(task, (a, b), vector, pairs, vectors)
        if against is None:
            against = _nearer_to_the_partners_prediction(points[a], points[b], geometry)
        if against:
            found.append(
                PairWarning(
                    a, b, _("{names} look swapped: check left and right.").format(names=_pair_names(task, a, b))
                )
            )
    return found


def _pair_names(task: TaskDefinition, first: int, second: int) -> str:
    names = _("{first} and {second}").format(first=task.landmarks[first].title, second=task.landmarks[second].title)
    return f"{names[0].upper()}{names[1:]}"


def _against_the_others(
    task: TaskDefinition,
    pair: tuple[int, int],
    vector: _Vector,
    pairs: Sequence[tuple[int, int]],
    vectors: Sequence[_Vector],
) -> bool | None:
    """Tests if a pair points against the majority of two or more others; None: undecided.

    The definition may list the left or the right landmark of a pair first, so a pair counts in the direction that
    its names give: from ``left`` to ``right``, and where the names say nothing, undecided.
    """
    sense = _sense(task, pair)
    votes = []
    for other, direction in zip(pairs, vectors):
        if other == pair or sense == 0 or _sense(task, other) == 0:
            continue
        along = sense * _sense(task, other) * (vector[0] * direction[0] + vector[1] * direction[1])
        votes.append(along)
    against = sum(1 for vote in votes if vote < 0)
    if len(votes) < 2 or 2 * against == len(votes):
        return None
    return 2 * against > len(votes)


def _sense(task: TaskDefinition, pair: tuple[int, int]) -> int:
    """1 where the first landmark is the left one by its name, -1 where it is the right one, 0 where it is neither."""
    words = [set(task.landmarks[index].name.lower().split("_")) for index in pair]
    for sense, (first, second) in ((1, ("left", "right")), (-1, ("right", "left")), (1, ("l", "r")), (-1, ("r", "l"))):
        if first in words[0] and second in words[1]:
            return sense
    return 0


def _nearer_to_the_partners_prediction(first: PointState, second: PointState, geometry: Geometry) -> bool:
    if first.position is None or second.position is None or first.predicted is None or second.predicted is None:
        return False
    own = geometry.distance(first.position, first.predicted) + geometry.distance(second.position, second.predicted)
    other = geometry.distance(first.position, second.predicted) + geometry.distance(second.position, first.predicted)
    return other < own


def _vector(first: PointState, second: PointState, geometry: Geometry) -> _Vector:
    assert first.position is not None
    assert second.position is not None
    (ax, ay), (bx, by) = geometry.to_plane(first.position), geometry.to_plane(second.position)
    return bx - ax, by - ay
