"""The section "Measurements": lengths and angles of the points as they are now, and ways to take them out."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import qt
import slicer

from ..scene.measurement_nodes import csv_text, find_table, measurement_rows, show_table
from ..words import tr as _
from .calibration_box import CalibrationBox
from .table_cells import fit_columns, fit_height, fit_widths, set_cell, set_rows
from .workbench import ERROR, Workbench


class MeasurementTable:
    """Shows the measurements, and whether their lines are in the view."""

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._ui = bench, ui
        fit_columns(ui.measurementTable)
        ui.linesCheck.toggled.connect(self.show_lines)
        bench.listen(self.show)

    def show_lines(self, *_args: Any) -> None:
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
    return _("In pixels: the pixel size is unknown.")


STUDY = "study_measurements"


class MeasurementExport:
    """Three buttons below the measurements."""

    def __init__(self, bench: Workbench, ui: Any, calibration: CalibrationBox) -> None:
        self._bench, self._calibration = bench, calibration
        #: The work, its revision, its unit and the source of that as the table shows them.
        self._shown: object = None
        self._table, self._csv = qt.QPushButton(_("Table in Scene")), qt.QPushButton(_("Save CSV..."))
        self._study = qt.QPushButton(_("Save Study..."))
        row = qt.QHBoxLayout()
        ui.measurementTools.layout().addLayout(row)
        for name, button in (("table", self._table), ("csv", self._csv), ("study", self._study)):
            button.setObjectName(f"{name}MeasurementsButton")
            row.addWidget(button)
        self._table.setToolTip(_("Keep these values as a table of the scene; it follows the points"))
        self._csv.setToolTip(_("Write these values to a file, also of points that were not submitted"))
        self._study.setToolTip(_("Write the values of all final labels of this protocol on the server to a file"))
        self._table.clicked.connect(self.show_table)
        self._csv.clicked.connect(self.save_image)
        self._study.clicked.connect(self.save_study)
        ui.measurementTools.setVisible(True)
        bench.listen(self.show)

    def show_table(self, *_args: Any) -> None:
        """Creates the table in the scene; from then on it follows the points."""
        work = self._bench.session.work
        if work is not None:
            node = show_table(slicer.mrmlScene, work, self._rows())
            self._bench.say(_("The measurements are in the scene as the table {name}.").format(name=node.GetName()))

    def save_image(self, *_args: Any) -> None:
        """Writes the measurements of the open image to a CSV file."""
        work = self._bench.session.work
        path = "" if work is None else self._ask_path(f"{work.image}_measurements.csv")
        if path:
            self._write(path, csv_text(self._rows()).encode("utf-8"))

    def save_study(self, *_args: Any) -> None:
        """Writes the measurements of all final labels on the server to a CSV file."""
        bench, client, task = self._bench, self._bench.client, self._bench.session.task
        if client is None or task is None:
            return
        name = task.name
        path = self._ask_path(f"{name}_measurements.csv")
        if path:
            words = _("Fetching the measurements of the study")
            bench.run(STUDY, words, lambda: client.study_measurements(name), lambda found: self._write(path, found))

    def show(self) -> None:
        session = self._bench.session
        work, task = session.work, session.task
        measured = task is not None and bool(task.measurements)
        for button in (self._table, self._csv):
            button.setEnabled(measured and work is not None)
        self._study.setEnabled(measured and session.connected and not self._bench.background.running(STUDY))
        shown = None if work is None else (work, work.revision, work.geometry, self._calibration.source)
        if shown != self._shown:
            self._shown = shown
            if work is not None and find_table(slicer.mrmlScene, work) is not None:
                show_table(slicer.mrmlScene, work, self._rows())

    def _rows(self) -> list[dict[str, str]]:
        work = self._bench.session.work
        assert work is not None
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return measurement_rows(work, self._bench.session.annotator, self._calibration.source, now)

    def _ask_path(self, name: str) -> str:
        with self._bench.background.held():
            return ask_path(name)

    def _write(self, path: str, content: bytes) -> None:
        try:
            with open(path, "wb") as file:
                file.write(content)
        except OSError as error:
            self._bench.say(_("{path} cannot be written: {reason}.").format(path=path, reason=error.strerror), ERROR)
        else:
            lines = max(content.count(b"\n") - 1, 0)
            self._bench.say(_("{count} measurements are in {path}.").format(count=lines, path=path))


def ask_path(name: str) -> str:
    """Asks where to write a file; empty if the person gave up."""
    title = _("Save Measurements")
    return str(qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, name, _("CSV files (*.csv)")) or "")
