"""Names of the landmarks in the slice view, placed so that they cover neither markers nor one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import vtk

from ..server.prediction import DEFINED, UNDEFINED
from ..server.task_definition import TaskDefinition
from .nodes import (
    TEXT_SCALE,
    WHITE,
    Observers,
    add_unset_points,
    draw_as,
    local_of,
    modified_once,
    new_markups,
    write_point,
)
from .slice_view import ImageView

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
        """Area of the intersection."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return width * height if width > 0 and height > 0 else 0.0


def box_beside(point: tuple[float, float], size: tuple[float, float], radius: float, direction: tuple[int, int]) -> Box:
    """Box of a text of some (width, height) in one of :data:`DIRECTIONS` from a marker."""
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
        points: the markers' centres in pixels of the view, y up; None if there is none.
        sizes: (width, height) of each name; a name of width 0 is not written, its marker still counts.
        radius: half a marker's side with its margin.
        view: (width, height) of the view; names stay inside where they can.
        before: the directions of the last time, which are kept while they cover nothing.

    Returns:
        The index of each direction, and the box of each name; None if none is written.
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


#: Pixels of the view between a marker's centre and its name.
RADIUS = 12.0
# A dot that nobody sees, in percent of the view, and where Slicer begins to write from it, in pixels right and up.
_DOT, _ANCHOR = 0.05, (3.0, 4.0)


class PointNames:
    """Places the landmarks' names beside their markers whenever the view or a point moves."""

    def __init__(self, scene: Any, task: TaskDefinition, view: ImageView) -> None:
        self._scene, self._view = scene, view
        self._titles = [landmark.title for landmark in task.landmarks]
        self._mode, self._current = ALL, None  # type: str, int | None
        self._worlds: list[Any] = [None] * len(self._titles)
        self._chosen: list[int] = []
        self._observed: Any = None
        self._observers = Observers()
        node = new_markups(scene, "vtkMRMLMarkupsFiducialNode", "Landmark Detection names")
        add_unset_points(node, self._titles)
        display = node.GetDisplayNode()
        draw_as(display, "Circle2D", _DOT, WHITE)
        display.SetTextScale(TEXT_SCALE)
        display.SetPointLabelsVisibility(True)
        self.node = node
        self._sizes = [_text_size(display, title) for title in self._titles]

    def show(self, mode: str) -> None:
        """Sets which names are shown: :data:`ALL`, :data:`CURRENT` or :data:`NONE`."""
        self._mode = mode
        self._write()

    def highlight(self, index: int | None) -> None:
        self._current = index
        if self._mode == CURRENT:
            self._write()

    def follow(self, points: Any) -> None:
        """Moves the names to the landmarks of a node."""
        self._worlds = [_world(points, index) for index in range(len(self._titles))]
        self._observe()
        self._write()

    def remove(self) -> None:
        self.close()
        if self._scene.IsNodePresent(self.node):
            self._scene.RemoveNode(self.node)

    def close(self) -> None:
        self._observers.clear()
        self._observed = None

    def _observe(self) -> None:
        """Observes the view, which Slicer may have created since the last time."""
        node = self._view.node
        if node is not self._observed:
            self._observers.clear()
            self._observed = node
            if node is not None:
                self._observers.add(node, vtk.vtkCommand.ModifiedEvent, lambda *_: self._write())

    def _shown(self, index: int) -> bool:
        return self._mode == ALL or (self._mode == CURRENT and index == self._current)

    def _write(self) -> None:
        worlds, view = self._worlds, self._view
        shown = [world is not None and self._shown(index) for index, world in enumerate(worlds)]
        places = [None if world is None else view.place_of(world) for world in worlds]
        sizes = [size if show else (0.0, 0.0) for size, show in zip(self._sizes, shown)]
        self._chosen, boxes = place_names(places, sizes, RADIUS, view.size, self._chosen)
        with modified_once(self.node):
            for index, (box, world) in enumerate(zip(boxes, worlds)):
                if not shown[index]:
                    write_point(self.node, index, UNDEFINED, None)
                    continue
                corner = None if box is None else view.world_at(box.left - _ANCHOR[0], box.bottom - _ANCHOR[1])
                write_point(self.node, index, DEFINED, world if corner is None else corner)


def _world(points: Any, index: int) -> tuple[float, float, float] | None:
    if local_of(points, index) is None or not points.GetNthControlPointVisibility(index):
        return None
    world = [0.0, 0.0, 0.0]
    points.GetNthControlPointPositionWorld(index, world)
    return world[0], world[1], world[2]


def _text_size(display: Any, text: str) -> tuple[float, float]:
    """(width, height) in pixels of the view as Slicer writes a text; its font grows with the text scale."""
    font = vtk.vtkTextProperty()
    font.ShallowCopy(display.GetTextProperty())
    font.SetFontSize(round(font.GetFontSize() * display.GetTextScale()))
    box = [0, 0, 0, 0]
    vtk.vtkTextRenderer.GetInstance().GetBoundingBox(font, text, box, 72)
    return box[1] - box[0] + 1.0, box[3] - box[2] + 1.0
