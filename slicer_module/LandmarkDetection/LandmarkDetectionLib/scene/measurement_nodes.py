"""The measurements in the scene: lines that follow the landmarks, and a table with the columns of the server's."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Optional

import vtk

from ..server.geometry import Geometry
from ..server.task_definition import MeasurementDefinition, TaskDefinition
from ..work.measurements import MeasuredValue, measure
from ..work.work import Work
from .nodes import draw_as, hide_own_measurements, modified_once, new_markups

Pixel = Optional[Sequence[float]]

# Pale blue, unlike the white labels of the points; sizes in percent of the view, the line's as a share of the glyph's.
_COLOR = (0.6, 0.9, 1.0)
_GLYPH, _TEXT, _THICKNESS = 1.0, 2.0, 0.5


class MeasurementLines:
    """One markups node for each measurement: a line for a distance or a height, an angle node for an angle.

    The line of a ratio is that of its first distance: the second one mostly is a measurement of its own.

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
        hide_own_measurements(node)
        for _ in range(3 if angle else 2):
            node.AddControlPoint((0.0, 0.0, 0.0), "")
        display = node.GetDisplayNode()
        draw_as(display, "Vertex2D", _GLYPH, _COLOR)
        display.SetLineThickness(_THICKNESS)
        display.SetTextScale(_TEXT)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(True)
        display.SetVisibility(False)
        return node

    @property
    def nodes(self) -> list[Any]:
        return list(self._nodes)

    def follow(self, pixels: Sequence[Pixel], frame: Any, geometry: Geometry, parent: str | None) -> None:
        """Moves every line to the pixels (x, y) of its landmarks, None hides it, and states its value."""
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
        """Shows or hides all; lines without all landmarks stay hidden until the next :meth:`follow`."""
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
    if kind == "ratio":
        return ends[:2]
    if kind != "height":
        return ends
    (px, py), (ax, ay), (bx, by) = ends
    sx, sy = geometry.spacing
    ux, uy = (bx - ax) * sx, (by - ay) * sy
    along = ((px - ax) * sx * ux + (py - ay) * sy * uy) / (ux * ux + uy * uy)
    return (px, py), (ax + along * (bx - ax), ay + along * (by - ay))


#: As ``GET /datastore/measurements`` has them.
COLUMNS = (
    "image", "protocol", "measurement", "value", "unit", "reason", "annotator", "model_version", "spacing_source",
    "mm_per_px_x", "mm_per_px_y", "date", "points",
)  # fmt: skip
#: Those that hold numbers.
NUMBERS = ("value", "mm_per_px_x", "mm_per_px_y")


def measurement_rows(work: Work, annotator: str, source: str, date: str) -> list[dict[str, str]]:
    """One row per measurement, with the reason where it has no value; ``date`` in ISO 8601."""
    calibrated = work.geometry.unit == "mm"
    shared = {
        "image": work.image,
        "protocol": work.task.name,
        "annotator": annotator,
        "model_version": work.model_version or "",
        "spacing_source": source,
        "mm_per_px_x": repr(work.geometry.spacing[0]) if calibrated else "",
        "mm_per_px_y": repr(work.geometry.spacing[1]) if calibrated else "",
        "date": date,
    }
    return [_row(work, item, shared) for item in work.measurements()]


def csv_text(rows: Iterable[dict[str, str]]) -> str:
    """A CSV table with a header."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _row(work: Work, item: MeasuredValue, shared: dict[str, str]) -> dict[str, str]:
    points = {name: work[work.task.index(name)] for name in item.definition.between}
    absent = [name for name, point in points.items() if point.position is None]
    reason = ""
    if item.value is None:
        reason = f"{' and '.join(absent)}: no point" if absent else "two of its points are in one place"
    ends = []
    for name, point in points.items():
        if point.position is None:
            ends.append(name)
        else:
            x, y = work.geometry.to_pixel(point.position)
            ends.append(f"{name} {x!r} {y!r}")
    return {
        **shared,
        "measurement": item.definition.name,
        "value": "" if item.value is None else repr(item.value),
        "unit": item.unit,
        "reason": reason,
        "points": "; ".join(ends),
    }


_TABLE, _TABLE_OF = "vtkMRMLTableNode", "LandmarkDetection.MeasurementsOf"
_TABLE_BY = "LandmarkDetection.MeasurementsBy"


def find_table(scene: Any, work: Work) -> Any:
    """The table of an image's measurements by a protocol; None if the scene has none."""
    for index in range(scene.GetNumberOfNodesByClass(_TABLE)):
        node = scene.GetNthNodeByClass(index, _TABLE)
        if node.GetAttribute(_TABLE_OF) == work.image and node.GetAttribute(_TABLE_BY) in (None, work.task.name):
            return node
    return None


def show_table(scene: Any, work: Work, rows: Sequence[dict[str, str]]) -> Any:
    """Writes the rows of a work into its table, which is made where there is none; returns the node.

    Columns of numbers hold numbers, NaN where there is none.
    """
    node = find_table(scene, work)
    if node is None:
        node = scene.AddNewNodeByClass(_TABLE, f"{work.image} measurements")
    node.SetAttribute(_TABLE_OF, work.image)
    node.SetAttribute(_TABLE_BY, work.task.name)
    table = vtk.vtkTable()
    for name in COLUMNS:
        column = vtk.vtkDoubleArray() if name in NUMBERS else vtk.vtkStringArray()
        column.SetName(name)
        for row in rows:
            column.InsertNextValue(float(row[name] or "nan") if name in NUMBERS else row[name])
        table.AddColumn(column)
    node.SetAndObserveTable(table)
    node.SetUseColumnNameAsColumnHeader(True)
    node.SetLocked(True)
    return node
