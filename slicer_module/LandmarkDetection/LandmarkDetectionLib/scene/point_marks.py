"""Coloured crosses around the landmarks, and a star around the current one; the middle of all stays open.

A markups node draws all its points in one colour. The landmarks stay in one node, as one file has them; for each
colour of the protocol a second, locked node that is never saved draws crosses at the places of the landmarks of that
colour. They take no mouse events: it is always the landmark that is dragged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..server.prediction import DEFINED, UNDEFINED
from ..server.task_definition import TaskDefinition
from .nodes import CROSS_SCALE, add_unset_points, draw_as, local_of, modified_once, new_markups, write_point

# In percent of the view.
_STAR = 9.0
# Slicer's own colour of what is active.
_STAR_COLOR = (0.4, 1.0, 0.0)


class PointMarks:
    """The crosses and the star of one list of landmarks."""

    def __init__(self, scene: Any, task: TaskDefinition) -> None:
        self._scene = scene
        self._star = self._create("Landmark Detection current", "StarBurst2D", _STAR, _STAR_COLOR, 1)
        self._crosses: list[tuple[Any, list[int]]] = []
        for color in dict.fromkeys(landmark.rgb for landmark in task.landmarks):
            indices = [i for i, landmark in enumerate(task.landmarks) if landmark.rgb == color]
            node = self._create("Landmark Detection colour", "Cross2D", CROSS_SCALE, color, len(indices))
            self._crosses.append((node, indices))
        self._current: int | None = None

    def _create(self, name: str, glyph: str, size: float, color: Sequence[float], count: int) -> Any:
        node = new_markups(self._scene, "vtkMRMLMarkupsFiducialNode", name)
        add_unset_points(node, [""] * count)
        draw_as(node.GetDisplayNode(), glyph, size, color)
        node.GetDisplayNode().SetPointLabelsVisibility(False)
        return node

    @property
    def nodes(self) -> list[Any]:
        return [self._star, *(node for node, _ in self._crosses)]

    def highlight(self, index: int | None, points: Any) -> None:
        """Moves the star to a landmark; None hides it."""
        self._current = index
        self.follow(points)

    def follow(self, points: Any) -> None:
        """Moves all marks to the landmarks' positions; those without one are hidden."""
        self._place(self._star, 0, points, self._current)
        for node, indices in self._crosses:
            with modified_once(node):
                for place, index in enumerate(indices):
                    self._place(node, place, points, index)

    @staticmethod
    def _place(node: Any, place: int, points: Any, index: int | None) -> None:
        if node.GetTransformNodeID() != points.GetTransformNodeID():
            node.SetAndObserveTransformNodeID(points.GetTransformNodeID())
        shown = index is not None and points.GetNthControlPointVisibility(index)
        local = local_of(points, index) if shown and index is not None else None
        write_point(node, place, UNDEFINED if local is None else DEFINED, local)

    def remove(self) -> None:
        for node in self.nodes:
            if self._scene.IsNodePresent(node):
                self._scene.RemoveNode(node)
