"""Measurements leave the panel: a table of the scene that follows the points, CSV, and the example picture beside."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import slicer
from folder_client import PHOTO, PIXELS, FolderClient
from LandmarkDetectionLib.errors import Unreachable
from LandmarkDetectionLib.scene.measurement_nodes import COLUMNS
from LandmarkDetectionLib.server.geometry import Calibration
from panel_driver import Driver
from PIL import Image
from PySide6 import QtCore, QtTest, QtWidgets


@pytest.fixture
def panel(connected: Driver) -> Driver:
    """The prediction on the first image is shown."""
    connected.ui.annotatorEdit.setText("Ada")
    connected.do("nextSample")
    connected.do("detect")
    return connected


def press(driver: Driver, name: str) -> None:
    button = driver.ui.measurementTools.findChild(QtWidgets.QWidget, name)
    assert button.enabled
    QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton)
    driver.idle()


def answer_path(monkeypatch: pytest.MonkeyPatch, path: Path | str) -> list[str]:
    """Answers the dialog that asks for a path; returns the names that it proposed."""
    proposed: list[str] = []

    def ask(_parent: Any, _title: str, name: str, _filters: str) -> tuple[str, str]:
        proposed.append(name)
        return str(path), ""

    monkeypatch.setattr(QtWidgets.QFileDialog, "getSaveFileName", ask)
    return proposed


def column(node: Any, name: str) -> list[Any]:
    values = node.GetTable().GetColumnByName(name)
    return [values.GetValue(row) for row in range(node.GetTable().GetNumberOfRows())]


def test_the_table_of_the_scene_follows_the_points(panel: Driver) -> None:
    press(panel, "tableMeasurementsButton")
    (node,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert node.GetName() == "one measurements"
    assert node.GetSaveWithScene()
    assert [node.GetTable().GetColumnName(i) for i in range(node.GetTable().GetNumberOfColumns())] == list(COLUMNS)
    assert column(node, "measurement") == ["eye_distance", "nose_height", "nose_angle"]
    assert column(node, "value") == pytest.approx([30.0, 20.0, 2 * math.degrees(math.atan(15 / 20))], abs=1e-5)
    assert column(node, "unit") == ["px", "px", "deg"]
    work = panel.work
    work.point_moved(0, work.geometry.to_lps(20.0, 20.0))
    panel.bench.show_work()
    assert column(node, "value")[0] == pytest.approx(40.0, abs=1e-5)
    work.mark_missing(0)
    panel.bench.show_work()
    assert all(math.isnan(value) for value in column(node, "value"))
    assert column(node, "reason")[0] == "right_eye: no point"
    assert slicer.util.getNodesByClass("vtkMRMLTableNode") == [node]


def test_a_table_is_that_of_one_protocol_and_names_the_source_of_its_millimetres(
    connect: Callable[..., Driver], client: FolderClient
) -> None:
    foot = {**client.document["protocols"]["head"], "name": "foot", "title": "Foot"}
    foot["measurements"] = [{"name": "width", "between": ["left_ear", "right_ear"]}]
    client.document["protocols"]["foot"] = foot
    client.stated["one"] = [Calibration("one", "mm", (0.5, 0.5), "stated line")]
    client.frame = lambda _image: replace(PHOTO, spacing=(0.5, 0.5), unit="mm")
    panel = connect(client)
    panel.do("nextSample")
    press(panel, "tableMeasurementsButton")
    (node,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    panel.open("two")
    panel.open("one")
    panel.host.wait(lambda: not panel.bench.background.running("calibration"))
    assert column(node, "spacing_source") == ["stated line"] * 3
    panel.ui.protocolCombo.setCurrentIndex(1)
    panel.ui.protocolCombo.activated.emit(1)
    panel.idle()
    assert (panel.work.task.name, column(node, "measurement")[0]) == ("foot", "eye_distance")
    press(panel, "tableMeasurementsButton")
    tables = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert [column(table, "protocol")[0] for table in tables] == ["head", "foot"]


def test_the_csv_of_the_image_has_its_points_unit_and_annotator(
    panel: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proposed = answer_path(monkeypatch, tmp_path / "values.csv")
    press(panel, "csvMeasurementsButton")
    assert proposed == ["one_measurements.csv"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "values.csv").read_text(encoding="utf-8"))))
    assert tuple(rows[0]) == COLUMNS
    first = rows[0]
    assert (first["image"], first["protocol"], first["measurement"]) == ("one", "head", "eye_distance")
    assert float(first["value"]) == pytest.approx(30.0, abs=1e-5)
    assert (first["unit"], first["mm_per_px_x"], first["annotator"]) == ("px", "", "Ada")
    assert first["model_version"] == "v1"
    ends = [end.split() for end in first["points"].split("; ")]
    assert [name for name, _x, _y in ends] == ["right_eye", "left_eye"]
    assert [(float(x), float(y)) for _name, x, y in ends] == [pytest.approx(p, abs=1e-5) for p in PIXELS[:2]]
    assert panel.message == f"3 measurements are in {tmp_path / 'values.csv'}."


def test_the_csv_of_the_study_is_the_server_s(panel: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    proposed = answer_path(monkeypatch, tmp_path / "study.csv")
    press(panel, "studyMeasurementsButton")
    assert proposed == ["head_measurements.csv"]
    assert (tmp_path / "study.csv").read_bytes() == b"image,protocol\n"


def test_a_file_that_cannot_be_written_is_told(panel: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer_path(monkeypatch, tmp_path)
    press(panel, "csvMeasurementsButton")
    assert panel.message == f"{tmp_path} cannot be written: Is a directory."


def test_nothing_is_written_where_the_person_gives_up(panel: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_path(monkeypatch, "")
    before = panel.message
    press(panel, "studyMeasurementsButton")
    assert panel.message == before


def test_the_example_picture_of_the_landmark_is_beside_its_definition(
    connect: Callable[..., Driver], client: FolderClient
) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (400, 300), (10, 200, 30)).save(stream, "PNG")
    client.pictures = {"left_eye": stream.getvalue(), "nose": b"no picture", "left_lip": stream.getvalue()}
    for entry in client.document["protocols"]["head"]["landmarks"]:
        entry["picture"] = entry["name"] in client.pictures
    driver = connect(client)
    driver.do("nextSample")
    frame = driver.ui.landmarkPicture

    def waited() -> None:
        driver.host.wait(lambda: not driver.bench.background.running("picture"))

    driver.choose(1)
    waited()
    assert frame.isHidden(), "it takes room only while a landmark is placed"
    driver.choose(0)
    driver.click("place")
    waited()
    assert frame.isHidden(), "the server has none of this one"
    driver.choose(1)
    waited()
    label = frame.findChild(QtWidgets.QLabel, "pictureLabel")
    assert not frame.isHidden()
    assert (label.pixmap.width(), label.pixmap.height()) == (200, 150)
    assert label.pixmap.toImage().pixelColor(100, 75).getRgb()[:3] == (10, 200, 30)
    driver.choose(2)
    waited()
    assert frame.isHidden(), "a picture that cannot be read is left out"
    driver.choose(1)
    assert not frame.isHidden()
    driver.click("place")
    assert frame.isHidden()
    assert client.calls.count("landmark_picture") == 2, "each is fetched once"
    driver.choose(6)
    client.failure = Unreachable("The server does not answer.")
    driver.click("place")
    waited()
    assert frame.isHidden()
    driver.click("place")
    driver.click("place")
    waited()
    assert not frame.isHidden()
