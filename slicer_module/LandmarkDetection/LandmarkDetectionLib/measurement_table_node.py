"""The measurements of the open image as a table node of the scene, which is saved with it and shown in Tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import vtk

from .measurement_rows import COLUMNS, NUMBERS

_CLASS, _IMAGE = "vtkMRMLTableNode", "LandmarkDetection.MeasurementsOf"


def find_table(scene: Any, image: str) -> Any:
    """The table of an image's measurements; None where the scene has none."""
    for index in range(scene.GetNumberOfNodesByClass(_CLASS)):
        node = scene.GetNthNodeByClass(index, _CLASS)
        if node.GetAttribute(_IMAGE) == image:
            return node
    return None


def show_table(scene: Any, image: str, rows: Sequence[dict[str, str]]) -> Any:
    """Writes the rows into the image's table, which is made where there is none; returns the node.

    Columns of numbers hold numbers, NaN where there is none.
    """
    node = find_table(scene, image)
    if node is None:
        node = scene.AddNewNodeByClass(_CLASS, f"{image} measurements")
        node.SetAttribute(_IMAGE, image)
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
