"""The names of the landmarks in the slice view: all of them, that of the current landmark, or none.

Slicer would write each name over the right upper corner of its own marker, whatever else lies there. So the names hang
on points of their own, which no mouse moves and no file keeps, beside the markers.
"""

from __future__ import annotations

from typing import Any

import vtk

from .markups_node import TEXT_SCALE, local_of, new_markups, write_point
from .name_layout import ALL, CURRENT, place_names
from .observers import Observers, modified_once
from .prediction import DEFINED, UNDEFINED
from .slice_view import ImageView
from .task_definition import TaskDefinition

#: Pixels of the view between a marker's centre and its name.
RADIUS = 12.0
# A dot that nobody sees, in percent of the view, and where Slicer begins to write from it, in pixels right and up.
_DOT, _ANCHOR = 0.05, (3.0, 4.0)


class PointNames:
    """Writes the landmarks' names beside their markers, anew whenever the view or a point moves.

    Args:
        scene: where they are drawn.
        task: the landmarks.
        view: which shows them.
    """

    def __init__(self, scene: Any, task: TaskDefinition, view: ImageView) -> None:
        self._scene, self._view = scene, view
        self._titles = [landmark.title for landmark in task.landmarks]
        self._mode, self._current, self._visible = ALL, None, True  # type: str, int | None, bool
        self._worlds: list[Any] = [None] * len(self._titles)
        self._chosen: list[int] = []
        self._observed: Any = None
        self._observers = Observers()
        node = new_markups(scene, "vtkMRMLMarkupsFiducialNode", "Landmark Detection names")
        for title in self._titles:
            node.AddControlPoint((0.0, 0.0, 0.0), title)
        node.UnsetAllControlPoints()
        display = node.GetDisplayNode()
        display.SetGlyphTypeFromString("Circle2D")
        display.SetUseGlyphScale(True)
        display.SetGlyphScale(_DOT)
        display.SetTextScale(TEXT_SCALE)
        for paint in (display.SetColor, display.SetSelectedColor, display.SetActiveColor):
            paint(1.0, 1.0, 1.0)
        display.SetPointLabelsVisibility(True)
        self.node = node
        self._sizes = [_text_size(display, title) for title in self._titles]

    def show(self, mode: str) -> None:
        """Shows the names of :data:`ALL` landmarks, of the :data:`CURRENT` one, or :data:`NONE`."""
        self._mode = mode
        self._write()

    def highlight(self, index: int | None) -> None:
        """Makes another landmark the current one."""
        self._current = index
        if self._mode == CURRENT:
            self._write()

    def set_visible(self, visible: bool) -> None:
        self._visible = visible
        self.node.SetDisplayVisibility(visible)

    def follow(self, points: Any) -> None:
        """Goes to where the landmarks of the node are."""
        self._worlds = [_world(points, index) for index in range(len(self._titles))]
        self._observe()
        self._write()

    def remove(self) -> None:
        """Takes the names out of the scene."""
        self.close()
        if self._scene.IsNodePresent(self.node):
            self._scene.RemoveNode(self.node)

    def close(self) -> None:
        """Stops observing the view."""
        self._observers.clear()
        self._observed = None

    def _observe(self) -> None:
        """Follows the view, which Slicer may have made since the last time."""
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
