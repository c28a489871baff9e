"""Whether a landmark was put onto its left/right partner: a slip of the mouse that a table hardly shows."""

from __future__ import annotations

from collections.abc import Sequence

from .geometry import Geometry
from .pair_check import PairWarning
from .point_state import PointState
from .task_definition import TaskDefinition

#: Points that are no farther apart than this lie on one another: nobody places them closer, in pixels.
TOUCHING_PIXELS = 3.0
#: Points that are closer than this share of what the network saw between them.
TOUCHING_SHARE = 0.1


def overlapping_pairs(task: TaskDefinition, points: Sequence[PointState], geometry: Geometry) -> list[PairWarning]:
    """The pairs whose two points lie on one another, in the order of the task.

    Args:
        task: names the pairs.
        points: in the order of the task.
        geometry: of the image.
    """
    found = []
    for a, b in task.pairs:
        first, second = points[a], points[b]
        if first.position is None or second.position is None:
            continue
        reach = TOUCHING_PIXELS
        if first.predicted is not None and second.predicted is not None:
            reach = max(reach, TOUCHING_SHARE * geometry.pixel_distance(first.predicted, second.predicted))
        # Where the network itself saw both in one place, a person who left them there made no slip.
        untouched = not first.touched and not second.touched
        if not untouched and geometry.pixel_distance(first.position, second.position) <= reach:
            names = f"{task.landmarks[a].title} and {task.landmarks[b].title}"
            found.append(PairWarning(a, b, f"{names[0].upper()}{names[1:]} lie on one another: move one of them."))
    return found
