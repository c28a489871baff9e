"""Lines and angles with "name: value unit" that follow the landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .geometry import Geometry
from .markups_node import new_markups
from .measurements import measure
from .observers import modified_once
from .task_definition import MeasurementDefinition, TaskDefinition

Pixel = Optional[Sequence[float]]

# Pale blue, unlike the white labels of the points; sizes in percent of the view, the line's as a share of the glyph's.
_COLOR = (0.6, 0.9, 1.0)
_GLYPH, _TEXT, _THICKNESS = 1.0, 2.0, 0.5


class MeasurementLines:
    """One markups node for each measurement: a line for a distance or a height, an angle node for an angle.

    They are locked and left out of the saved scene, as they follow from the points.
    """

    def __init__(self, scene: Any, task: TaskDefinition) -> None:
        self._scene, self._task = scene, task
        self._visible = True
        self._nodes = [self._create(definition) for definition in task.measurements]

    def _create(self, definition: MeasurementDefinition) -> Any:
        angle = definition.kind == "angle"
        node = new_markups(
            self._scene, "vtkMRMLMarkupsAngleNode" if angle else "vtkMRMLMarkupsLineNode", definition.title
        )
        # The node would state its own length in scene millimetres, which a photograph does not have.
        for number in range(node.GetNumberOfMeasurements()):
            node.GetNthMeasurement(number).SetEnabled(False)
        for _ in range(3 if angle else 2):
            node.AddControlPoint((0.0, 0.0, 0.0), "")
        display = node.GetDisplayNode()
        display.SetColor(*_COLOR)
        display.SetSelectedColor(*_COLOR)
        display.SetActiveColor(*_COLOR)
        display.SetGlyphTypeFromString("Vertex2D")
        display.SetGlyphScale(_GLYPH)
        display.SetLineThickness(_THICKNESS)
        display.SetTextScale(_TEXT)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(True)
        display.SetVisibility(False)
        return node

    @property
    def nodes(self) -> list[Any]:
        """One node for each measurement of the task, in its order."""
        return list(self._nodes)

    def follow(self, pixels: Sequence[Pixel], frame: Any, geometry: Geometry, parent: str | None) -> None:
        """Puts every line where its landmarks are and states its value.

        Args:
            pixels: (x, y) of each landmark; None where it has no place: its lines are hidden.
            frame: the image's ``ImageFrame``.
            geometry: gives lengths in calibrated mm, or else in px.
            parent: ID of the transform of the points.
        """
        positions = {
            name: None if pixel is None else geometry.to_lps(*pixel) for name, pixel in zip(self._task.names, pixels)
        }
        values = measure(self._task, positions, geometry)
        for node, value in zip(self._nodes, values):
            display = node.GetDisplayNode()
            if value.value is None:
                display.SetVisibility(False)
                continue
            ends = [pixels[self._task.index(name)] for name in value.definition.between]
            with modified_once(node):
                node.SetAndObserveTransformNodeID(parent)
                for index, pixel in enumerate(_drawn(value.definition.kind, ends, geometry)):
                    node.SetNthControlPointPosition(index, *frame.local(node, pixel))
                node.SetName(f"{value.definition.title}: {value.text}")
            display.SetVisibility(self._visible)

    def set_visible(self, visible: bool) -> None:
        """Shows or hides all; those that lack a landmark stay hidden until the next :meth:`follow`."""
        self._visible = visible
        for node in self._nodes:
            if not visible:
                node.GetDisplayNode().SetVisibility(False)

    def remove(self) -> None:
        for node in self._nodes:
            if self._scene.IsNodePresent(node):
                self._scene.RemoveNode(node)


def _drawn(kind: str, ends: Sequence[Any], geometry: Geometry) -> Sequence[Any]:
    """The pixels to draw through: a height goes from its point to the foot on the base, at right angles in real mm."""
    if kind != "height":
        return ends
    (px, py), (ax, ay), (bx, by) = ends
    sx, sy = geometry.spacing
    ux, uy = (bx - ax) * sx, (by - ay) * sy
    along = ((px - ax) * sx * ux + (py - ay) * sy * uy) / (ux * ux + uy * uy)
    return (px, py), (ax + along * (bx - ax), ay + along * (by - ay))
