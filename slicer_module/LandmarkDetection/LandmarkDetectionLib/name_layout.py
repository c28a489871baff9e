"""Where names are written beside markers so that they cover neither markers nor one another. No scene, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Optional

Place = Optional[tuple[float, float]]

#: Which names are shown.
NONE, CURRENT, ALL = "none", "current", "all"
NAMES = (ALL, CURRENT, NONE)

#: Directions from a marker to its name in the order of preference: x and y are -1, 0 or 1, y up.
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


class Box(NamedTuple):
    """An upright rectangle in pixels of the view, y up."""

    left: float
    bottom: float
    right: float
    top: float

    def shared(self, other: Box) -> float:
        """Area of the part in common."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return width * height if width > 0 and height > 0 else 0.0


def box_beside(point: tuple[float, float], size: tuple[float, float], radius: float, direction: tuple[int, int]) -> Box:
    """The box of a name of some size in one direction from a marker.

    Args:
        point: the marker's centre.
        size: (width, height) of the text.
        radius: half the marker's side with its margin.
        direction: one of :data:`DIRECTIONS`.
    """
    (x, y), (width, height), (dx, dy) = point, size, direction
    left = x + (radius if dx > 0 else -radius - width if dx < 0 else -width / 2)
    bottom = y + (radius if dy > 0 else -radius - height if dy < 0 else -height / 2)
    return Box(left, bottom, left + width, bottom + height)


def place_names(
    points: Sequence[Place],
    sizes: Sequence[tuple[float, float]],
    radius: float,
    view: tuple[float, float],
    before: Sequence[int] = (),
) -> tuple[list[int], list[Box | None]]:
    """Chooses a direction for each name, one after the other: the first that covers nothing, or what covers least.

    Args:
        points: the markers' centres in pixels of the view, y up; None where there is none.
        sizes: (width, height) of each name; a name of width 0 is not written, its marker still counts.
        radius: half a marker's side with its margin.
        view: (width, height) of the view; names stay inside where they can.
        before: the directions of the last time, which are kept while they cover nothing.

    Returns:
        The index of each direction, and the box of each name; None where none is written.
    """
    markers = [None if p is None else Box(p[0] - radius, p[1] - radius, p[0] + radius, p[1] + radius) for p in points]
    chosen = list(before) if len(before) == len(points) else [0] * len(points)
    boxes: list[Box | None] = [None] * len(points)
    written: list[Box] = []
    for index, (point, size) in enumerate(zip(points, sizes)):
        if point is None or size[0] <= 0:
            continue
        others = [marker for place, marker in enumerate(markers) if place != index and marker is not None]
        order = [chosen[index], *(n for n in range(len(DIRECTIONS)) if n != chosen[index])]
        best: tuple[float, int, Box] | None = None
        for number in order:
            box = box_beside(point, size, radius, DIRECTIONS[number])
            inside = box.shared(Box(0.0, 0.0, *view))
            cost = sum(box.shared(other) for other in (*others, *written)) + size[0] * size[1] - inside
            if best is None or cost < best[0] - 1e-6:
                best = cost, number, box
            if cost <= 1e-6:
                break
        assert best is not None
        chosen[index], boxes[index] = best[1], best[2]
        written.append(best[2])
    return chosen, boxes
