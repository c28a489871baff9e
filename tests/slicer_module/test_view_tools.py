"""What helps to see and to place a point: arrow keys, magnifier, names, Fit, window and level."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from folder_client import PIXELS, FolderClient
from host import install
from LandmarkDetectionLib.scene.image_display import close_up
from LandmarkDetectionLib.server.geometry import Geometry
from LandmarkDetectionLib.server.images import ImageEntry
from LandmarkDetectionLib.server.prediction import Answer
from panel_driver import Driver
from PySide6 import QtCore, QtGui, QtTest, QtWidgets

install()
from LandmarkDetectionLib.panel.view_tools import DISTANCE, MAGNIFIER, magnifier_corner  # noqa: E402

#: A scan of 100 x 80 pixels of 0.5 x 2 mm, turned by 30 degrees in its plane.
SPACING = (0.5, 2.0)
COS, SIN = np.cos(np.pi / 6), np.sin(np.pi / 6)
TURNED = Geometry((-7.0, 11.0, 0.0), (0.5 * COS, 0.5 * SIN, 0.0), (-2 * SIN, 2 * COS, 0.0), SPACING, "mm", (100, 80))


class ScanClient(FolderClient):
    """The same landmarks on the turned scan, whose pixel (x, y) has the value 100 y + x."""

    def __init__(self) -> None:
        super().__init__()
        self.entries = {"scan": ImageEntry("scan", file_name="scan.nrrd")}

    def frame(self, image: str) -> Geometry:
        return TURNED

    def infer(self, task: str, image: str, keep: bool = False) -> Answer:
        found = super().infer(task, image)
        for entry, pixel in zip(found.document["landmarks"], PIXELS, strict=True):
            entry["position"] = list(TURNED.to_lps(*pixel))
        return Answer({**found.document, "unit": "mm", "spacing": list(SPACING)}, found.markups)

    def download_image(self, image: str, folder: Path) -> Path:
        rows, columns = np.mgrid[:80, :100]
        scan = sitk.GetImageFromArray((100 * rows + columns).astype(np.uint16))
        scan.SetSpacing(SPACING)
        scan.SetOrigin((-7.0, 11.0))
        scan.SetDirection((COS, -SIN, SIN, COS))
        path = Path(folder) / "scan.nrrd"
        sitk.WriteImage(scan, str(path))
        return path


@pytest.fixture
def scan(connect: Callable[..., Driver]) -> Driver:
    """The prediction on the scan is shown."""
    client = ScanClient()
    driver = connect(client)
    driver.do("nextSample")
    driver.do("detect")
    return driver


def press(driver: Driver, key: Any, shift: bool = False) -> None:
    """A key while the view has the focus."""
    driver.host.window.activateWindow()
    driver.host.slice_widget.setFocus()
    driver.host.step()
    modifier = QtCore.Qt.ShiftModifier if shift else QtCore.Qt.NoModifier
    QtTest.QTest.keyClick(driver.host.slice_widget, key, modifier)
    driver.host.step()


def tool(driver: Driver, name: str) -> Any:
    return driver.ui.viewTools.findChild(QtWidgets.QWidget, name)


@pytest.mark.parametrize(
    ("key", "way"),
    [
        (QtCore.Qt.Key_Left, (-1, 0)),
        (QtCore.Qt.Key_Right, (1, 0)),
        (QtCore.Qt.Key_Up, (0, -1)),
        (QtCore.Qt.Key_Down, (0, 1)),
    ],
    ids=["left", "right", "up", "down"],
)
def test_an_arrow_key_moves_by_one_stored_pixel_and_with_shift_by_a_tenth(
    scan: Driver, key: Any, way: tuple[int, int]
) -> None:
    scan.choose(2)
    for step, shift in ((1.0, False), (0.1, True)):
        before = scan.pixels()
        press(scan, key, shift)
        moved = np.array(scan.pixels()) - np.array(before)
        expected = np.zeros((7, 2))
        expected[2] = np.array(way) * step
        np.testing.assert_allclose(moved, expected, atol=1e-6)
    # In the scene, by the directions of the scan worked out here: LPS to RAS turns the first two signs.
    x, y = np.array(PIXELS[2]) + 1.1 * np.array(way)
    lps = np.array([-7 + 0.5 * COS * x - 2 * SIN * y, 11 + 0.5 * SIN * x + 2 * COS * y])
    world = [0.0, 0.0, 0.0]
    scan.bench.scene.points_node.GetNthControlPointPositionWorld(2, world)
    np.testing.assert_allclose(world[:2], -lps, atol=1e-5)
    assert scan.rows[2][1] == "corrected"


def test_a_move_by_key_is_undone_like_any_other(scan: Driver) -> None:
    scan.choose(2)
    press(scan, QtCore.Qt.Key_Right)
    press(scan, QtCore.Qt.Key_Right)
    scan.click("undo")
    assert scan.pixels()[2] == pytest.approx((PIXELS[2][0] + 1, PIXELS[2][1]), abs=1e-6)
    scan.click("undo")
    assert scan.pixels()[2] == pytest.approx(PIXELS[2], abs=1e-6)
    assert scan.rows[2][1] == "predicted"


def test_a_point_does_not_leave_the_image_by_key(scan: Driver) -> None:
    scan.bench.session.work.point_moved(0, TURNED.to_lps(99.0, 5.0))
    scan.bench.show_work()
    scan.choose(0)
    press(scan, QtCore.Qt.Key_Right)
    assert scan.pixels()[0] == pytest.approx((99.0, 5.0), abs=1e-6)


@pytest.mark.parametrize("name", ["annotatorEdit", "landmarkTable"])
def test_arrow_keys_elsewhere_move_no_point(scan: Driver, name: str) -> None:
    scan.choose(2)
    before = scan.pixels()
    widget = getattr(scan.ui, name)
    scan.host.window.activateWindow()
    widget.setFocus()
    scan.host.step()
    QtTest.QTest.keyClick(widget, QtCore.Qt.Key_Left)
    QtTest.QTest.keyClick(widget, QtCore.Qt.Key_Up)
    scan.host.step()
    assert scan.pixels() == before


def test_arrow_keys_are_slicer_s_while_another_module_is_shown(scan: Driver) -> None:
    scan.choose(2)
    before = scan.pixels()
    scan.widget.exit()
    press(scan, QtCore.Qt.Key_Left)
    assert scan.pixels() == before
    scan.widget.enter()
    press(scan, QtCore.Qt.Key_Left)
    assert scan.pixels()[2] == pytest.approx((PIXELS[2][0] - 1, PIXELS[2][1]), abs=1e-6)


def test_fit_shows_the_whole_image_after_a_row_was_clicked(scan: Driver) -> None:
    whole = scan.host.view.node.GetFieldOfView()
    scan.choose(3)
    assert scan.host.view.node.GetFieldOfView()[0] < 0.5 * whole[0]
    scan.click("fit")
    assert scan.host.view.node.GetFieldOfView() == pytest.approx(whole)


def test_the_magnifier_shows_the_pixels_around_the_dragged_point(scan: Driver) -> None:
    view = scan.host.slice_widget
    assert view.findChild(QtWidgets.QLabel, "magnifierLabel") is None
    x, y = scan.image_to_view(*scan.pixels()[2])
    end = (x + 10.0, y + 10.0)
    scan.host.view.picture()
    for place in ((x, y), (x, y)):
        scan._move(place)
    QtTest.QTest.mousePress(view, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, QtCore.QPoint(round(x), round(y)))
    scan._move(end)
    label = view.findChild(QtWidgets.QLabel, "magnifierLabel")
    assert label.isVisible()
    seen = scan.bench.scene.close_up(2, MAGNIFIER)
    drawn = label.pixmap.toImage()
    pixel = np.array(scan.pixels()[2])
    volume, (low, high) = 100 * np.mgrid[:80, :100][0] + np.mgrid[:80, :100][1], window_of(scan)
    # Each image pixel that is seen whole has its grey value where its distance from the exact point says.
    for dx, dy in ((2, 1), (-2, -1), (1, -2), (-1, 2)):
        column, row = np.floor(pixel + 0.5).astype(int) + np.array((dx, dy))
        at = MAGNIFIER / 2 + (np.array([column, row]) - pixel) * seen.zoom
        grey = np.clip(255 * (volume[row, column] - low) / (high - low), 0, 255)
        assert drawn.pixelColor(int(at[0]), int(at[1])).red() == pytest.approx(grey, abs=1.0)
    assert not label.geometry.contains(QtCore.QPoint(round(end[0]), round(end[1])))
    QtTest.QTest.mouseRelease(view, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, QtCore.QPoint(*map(round, end)))
    assert not label.isVisible()


def window_of(driver: Driver) -> tuple[float, float]:
    display = driver.bench.scene.volume.GetDisplayNode()
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def test_the_middle_of_the_magnifier_is_the_exact_place(scan: Driver) -> None:
    scene = scan.bench.scene
    for pixel in ((40.0, 30.0), (40.3, 29.8), (40.5, 30.5), (0.0, 79.2)):
        seen = close_up(scene.frame, scene._view, pixel, MAGNIFIER)
        first = np.floor(np.array(pixel) + 0.5) - (seen.across - 1) / 2
        # From the square's corner, at first - 0.5, to the place.
        middle = np.array([seen.left, seen.top]) + (np.array(pixel) - (first - 0.5)) * seen.zoom
        np.testing.assert_allclose(middle, MAGNIFIER / 2, atol=0.5)
        assert max(seen.left, seen.top) <= 0
        assert min(seen.left, seen.top) + seen.across * seen.zoom >= MAGNIFIER


@pytest.mark.parametrize("place", [(5, 5), (475, 5), (5, 395), (475, 395), (240, 200)])
def test_the_magnifier_stays_in_the_view_and_beside_the_pointer(place: tuple[int, int]) -> None:
    left, top = magnifier_corner(*place, 480, 400)
    assert 0 <= left <= 480 - MAGNIFIER
    assert 0 <= top <= 400 - MAGNIFIER
    away_x = max(left - place[0], place[0] - left - MAGNIFIER)
    away_y = max(top - place[1], place[1] - top - MAGNIFIER)
    assert max(away_x, away_y) == DISTANCE


def test_names_are_all_the_current_one_or_none_and_that_is_remembered(scan: Driver) -> None:
    names = scan.bench.scene._points._names.node
    combo = tool(scan, "namesCombo")

    def shown() -> list[str]:
        defined = names.PositionDefined
        places = range(names.GetNumberOfControlPoints())
        return [
            names.GetNthControlPointLabel(i) for i in places if names.GetNthControlPointPositionStatus(i) == defined
        ]

    assert len(shown()) == 7
    combo.setCurrentIndex(1)
    scan.choose(4)
    assert shown() == ["right ear"]
    combo.setCurrentIndex(2)
    assert shown() == []
    assert scan.bench.settings.names == "none"


def test_window_presets_take_the_percentiles_of_a_grey_image(scan: Driver) -> None:
    combo = tool(scan, "windowCombo")
    assert combo.enabled
    values = np.sort((100 * np.mgrid[:80, :100][0] + np.mgrid[:80, :100][1]).ravel())
    for index, (low, high) in enumerate([(0, 100), (1, 99), (5, 95)], start=1):
        combo.setCurrentIndex(index)
        combo.activated.emit(index)
        assert window_of(scan) == pytest.approx(np.percentile(values, (low, high)), abs=1.0)
    combo.setCurrentIndex(0)
    combo.activated.emit(0)
    assert scan.bench.scene.volume.GetDisplayNode().GetAutoWindowLevel()


def test_a_colour_image_says_why_it_has_no_window(connect: Callable[..., Driver], tmp_path: Path) -> None:
    class ColourClient(FolderClient):
        def download_image(self, image: str, folder: Path) -> Path:
            path = super().download_image(image, folder)
            picture = QtGui.QImage(100, 80, QtGui.QImage.Format_RGB888)
            picture.fill(QtGui.QColor(200, 40, 40))
            picture.save(str(path))
            return path

    client = ColourClient()
    driver = connect(client)
    driver.do("nextSample")
    combo = tool(driver, "windowCombo")
    assert not combo.enabled
    assert combo.toolTip == "A colour image is shown as it is: window and level are for grey images."
