"""Millimetres on a photograph, on a real server: a line is drawn, what is measured follows, also after a restart."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import SimpleITK as sitk  # noqa: N813
from app_server import ROOT, Server, run_server
from LandmarkDetectionLib.scene.measurement_nodes import COLUMNS
from panel_driver import Driver
from PIL import Image
from PySide6 import QtCore, QtTest, QtWidgets

pytestmark = pytest.mark.server

#: As large as the view, so that one of its pixels is one of the image.
SIZE = (480, 400)
#: 60 px apart, and where no other landmark is.
FISSURE = {"left_endocanthion": (250.0, 150.0), "left_exocanthion": (310.0, 150.0)}
ROW = "palpebral fissure length left"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs without, and a scan with a pixel size."""
    folder = tmp_path_factory.mktemp("calibration")
    (folder / "studies").mkdir()
    rng = np.random.default_rng(0)
    for name in ("face_a", "face_b"):
        pixels = rng.integers(60, 200, (SIZE[1], SIZE[0], 3), np.uint8)
        Image.fromarray(pixels).save(folder / "studies" / f"{name}.png")
    scan = sitk.GetImageFromArray(rng.integers(0, 999, (SIZE[1], SIZE[0])).astype(np.uint16))
    scan.SetSpacing((0.5, 0.25))
    sitk.WriteImage(scan, str(folder / "studies" / "scan.nrrd"))
    return folder


class Restarted:
    """A server of the folder, which can be started again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.start()

    def start(self) -> Server:
        self._open = contextlib.ExitStack()
        conf, studies = {"protocols": "face", "model_dir": str(self._root / "models")}, self._root / "studies"
        running = run_server(ROOT / "apps" / "landmarks", studies, conf, self._root / "server.log")
        self.server = self._open.enter_context(running)
        return self.server

    def stop(self) -> None:
        self._open.close()


@pytest.fixture(scope="module")
def restarted(root: Path) -> Iterator[Restarted]:
    running = Restarted(root)
    yield running
    running.stop()


@pytest.fixture
def server(restarted: Restarted) -> Server:
    return restarted.server


def opened(driver: Driver, server: Server, image: str, fissure: bool = True) -> Driver:
    """The image, with a palpebral fissure of 60 px where asked."""
    driver.connect(server.url)
    driver.open(image)
    if fissure:
        for name, pixel in FISSURE.items():
            driver.work.point_placed(driver.work.task.index(name), driver.work.geometry.to_lps(*pixel))
    driver.bench.show_work()
    driver.idle()
    wait_known(driver)
    return driver


def wait_known(driver: Driver) -> None:
    driver.host.wait(lambda: not driver.bench.background.running("calibration"))


def part(driver: Driver, name: str) -> Any:
    """A widget of the section."""
    return driver.ui.calibrationSection.findChild(QtWidgets.QWidget, name)


def press(driver: Driver, name: str) -> None:
    button = part(driver, name)
    assert button.enabled, (name, driver.message)
    QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton)
    driver.idle()


def draw(driver: Driver, first: tuple[float, float], second: tuple[float, float]) -> None:
    press(driver, "drawLineButton")
    driver.click_view(*first)
    driver.click_view(*second)


def state(driver: Driver, length: str) -> None:
    part(driver, "lengthEdit").setText(length)
    press(driver, "calibrateButton")


def value(driver: Driver, row: str = ROW) -> str:
    table = driver.ui.measurementTable
    texts = {table.item(r, 0).text(): table.item(r, 1).text() for r in range(table.rowCount)}
    return str(texts[row])


def stated(server: Server, image: str) -> Any:
    return requests.get(f"{server.url}/datastore/image/calibration?image={image}", timeout=60).json()


def test_a_line_of_known_length_makes_millimetres_that_stay(
    make_panel: Callable[..., Driver], restarted: Restarted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = restarted.server
    driver = make_panel()
    driver.ui.annotatorEdit.setText("Ada")
    opened(driver, server, "face_a")
    assert value(driver) == "60.0 px"
    driver.click("place")
    driver.host.wait(lambda: not driver.bench.background.running("picture"))
    picture = driver.ui.landmarkPicture.findChild(QtWidgets.QLabel, "pictureLabel")
    assert not driver.ui.landmarkPicture.isHidden()
    assert 50 < max(picture.pixmap.width(), picture.pixmap.height()) <= 200
    driver.click("place")
    assert "Lengths are in pixels" in part(driver, "calibrationLabel").text
    draw(driver, (100.0, 50.0), (300.0, 50.0))
    line = driver.panel.calibration._line.node
    assert line.GetName() == "200.0 px"
    assert line.GetSaveWithScene()
    state(driver, "50")
    assert value(driver) == "15.0 mm"
    assert line.GetName() == "200.0 px = 50 mm"
    words = part(driver, "calibrationLabel").text
    assert words.startswith("A pixel has 0.25 x 0.25 mm. Stated by Ada on 20")
    assert words.endswith("(Any known length, 50 mm).")
    lines = [n.GetName() for n in driver.panel.bench.scene._points._lines.nodes]
    assert "palpebral fissure length left: 15.0 mm" in lines
    told = stated(server, "face_a")
    assert told["spacing"] == pytest.approx([0.25, 0.25], rel=1e-12)
    ends = np.array(told["stated"]["line"])
    np.testing.assert_allclose(ends[1] - ends[0], (200.0, 0.0), atol=1e-9)
    np.testing.assert_allclose(ends[0], (100.0, 50.0), atol=0.5 + 1e-9)  # the mouse is on whole pixels of the view
    assert (told["stated"]["how"], told["stated"]["annotator"]) == ("line", "Ada")
    assert stated(server, "face_b")["unit"] == "px"
    driver.answers = ["submit"]
    driver.do("submit")
    monkeypatch.setattr(QtWidgets.QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "study.csv"), ""))
    button = driver.ui.measurementTools.findChild(QtWidgets.QWidget, "studyMeasurementsButton")
    QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton)
    driver.idle()
    rows = list(csv.DictReader((tmp_path / "study.csv").open(encoding="utf-8")))
    assert tuple(rows[0]) == COLUMNS, "the columns of the module's own table"
    (row,) = (row for row in rows if row["measurement"] == ROW.replace(" ", "_"))
    assert float(row["value"]) == pytest.approx(15.0, abs=1e-9)
    assert (row["image"], row["unit"], row["annotator"]) == ("face_a", "mm", "Ada")
    assert row["spacing_source"] == "a line of 50 mm drawn on the image"
    driver.open("face_b")
    wait_known(driver)
    assert driver.panel.calibration._line.node is None
    assert "Lengths are in pixels" in part(driver, "calibrationLabel").text
    assert driver.work.geometry.unit == "px"
    restarted.stop()
    server = restarted.start()
    driver.answers = ["discard"]
    opened(driver, server, "face_a", fissure=False)
    assert value(driver) == "15.0 mm"
    assert driver.panel.calibration._line.node.GetName() == "200.0 px = 50 mm"
    rows = requests.get(f"{server.url}/datastore/measurements?image=face_a", timeout=60).json()["rows"]
    (row,) = (row for row in rows if row["measurement"] == ROW.replace(" ", "_"))
    assert row["value"] == pytest.approx(15.0, abs=1e-9)
    assert row["unit"] == "mm"
    press(driver, "undoCalibrationButton")
    assert value(driver) == "60.0 px"
    assert stated(server, "face_a")["stated"] is None


def test_wrong_lengths_are_refused(make_panel: Callable[..., Driver], server: Server) -> None:
    driver = opened(make_panel(), server, "face_b")
    assert not part(driver, "calibrateButton").enabled
    draw(driver, (100.0, 50.0), (300.0, 50.0))
    for text, words in (
        ("", "should be a number of millimetres above 0, not nothing"),
        ("-3", "should be a number of millimetres above 0, not -3"),
        ("fifty", "should be a number of millimetres above 0, not fifty"),
        ("5000", "a pixel of 25 mm is not plausible"),
    ):
        state(driver, text)
        assert words in driver.message
        assert value(driver) == "60.0 px"
    draw(driver, (100.0, 50.0), (104.0, 50.0))
    state(driver, "10")
    assert "4 px long" in driver.message
    assert stated(server, "face_b")["stated"] is None
    state(driver, "0,5")
    assert "4 px long" in driver.message


def test_a_sticker_and_an_iris_have_their_usual_lengths(make_panel: Callable[..., Driver], server: Server) -> None:
    driver = opened(make_panel(), server, "face_b")
    kinds = part(driver, "kindCombo")
    for index, length in ((2, "19"), (3, "11.7")):
        kinds.setCurrentIndex(index)
        kinds.activated.emit(index)
        assert part(driver, "lengthEdit").text == length
    draw(driver, (100.0, 50.0), (334.0, 50.0))
    press(driver, "calibrateButton")
    assert value(driver) == "3.0 mm"
    assert part(driver, "calibrationLabel").text.endswith("An estimate: adults' irises differ by 4 % or more.")
    assert stated(server, "face_b")["stated"]["how"] == "iris"
    press(driver, "withdrawCalibrationButton")
    assert value(driver) == "60.0 px"


def test_a_file_s_pixel_size_is_overruled_only_after_a_question(
    make_panel: Callable[..., Driver], server: Server
) -> None:
    driver = opened(make_panel(), server, "scan")
    assert value(driver) == "30.0 mm"
    draw(driver, (100.0, 50.0), (300.0, 50.0))
    state(driver, "50")
    assert [question.choices for question in driver.questions] == [("stay", "overrule_file")]
    assert "0.5 x 0.25 mm" in driver.questions[0].sentence
    assert stated(server, "scan")["stated"] is None
    driver.answers = ["overrule_file"]
    press(driver, "calibrateButton")
    assert value(driver) == "15.0 mm"
    told = stated(server, "scan")
    # The sides of a pixel keep their ratio.
    assert told["spacing"] == pytest.approx([0.25, 0.125])
    assert told["file_spacing"] == [0.5, 0.25]
    assert "The file says 0.5 x 0.25 mm, which is overruled." in part(driver, "calibrationLabel").text
    press(driver, "undoCalibrationButton")
    assert value(driver) == "30.0 mm"
