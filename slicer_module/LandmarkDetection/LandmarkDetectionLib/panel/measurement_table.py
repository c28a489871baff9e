"""The section "Measurements": lengths and angles of the points as they are now."""

from __future__ import annotations

from typing import Any

import qt

from ..words import tr as _
from ..workbench import Workbench
from .table_cells import fit_columns, fit_height, fit_widths, set_cell, set_rows


class MeasurementTable:
    """Shows the measurements, and whether their lines are in the view.

    Args:
        bench: the shared state.
        ui: the widgets by name.
    """

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._ui = bench, ui
        fit_columns(ui.measurementTable)
        ui.linesCheck.toggled.connect(self.show_lines)
        bench.listen(self.show)

    def show_lines(self, *_args: Any) -> None:
        """Shows or hides the lines in the slice view."""
        self._bench.scene.show_measurements(self._ui.linesCheck.checked)

    def show(self) -> None:
        work, task = self._bench.session.work, self._bench.session.task
        table = self._ui.measurementTable
        definitions = () if task is None else task.measurements
        set_rows(table, len(definitions))
        fit_height(table, 1, 12)
        self._ui.linesCheck.setEnabled(bool(definitions))
        values = ["–"] * len(definitions) if work is None else [value.text for value in work.measurements()]
        for row, (definition, value) in enumerate(zip(definitions, values)):
            set_cell(table, row, 0, definition.title, definition.description)
            cell = set_cell(table, row, 1, value, _length_tip(work))
            cell.setTextAlignment(int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))
        fit_widths(table, range(len(definitions)))


def _length_tip(work: Any) -> str:
    if work is None or work.geometry.unit != "px":
        return ""
    return _("In pixels: the file does not say how large a pixel is.")
