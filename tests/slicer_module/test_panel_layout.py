"""What stays in view, what has a name for those who do not see, which keys count where, and whose layout it is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
import slicer
from folder_client import FolderClient
from LandmarkDetectionLib.errors import ServerFailed
from panel_driver import Driver
from PySide6 import QtCore, QtTest, QtWidgets
from translations import UI


@pytest.fixture
def connected(connected: Driver) -> Driver:
    """At 780 pixels of height."""
    connected.host.window.resize(980, 780)
    return connected


def wholly_seen(driver: Driver, widget: Any) -> bool:
    """Whether nothing of a widget is cut off by a scrolled area or the window."""
    driver.host.step(20)
    return bool(widget.visibleRegion().boundingRect() == QtWidgets.QWidget.rect(widget))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_failed_submit_is_in_view_wherever_the_panel_is_scrolled(
    detected: Driver, client: FolderClient, share: float
) -> None:
    bar = detected.ui.panelScroll.verticalScrollBar()
    assert bar.maximum() > 100, "the sections do not fit"
    assert detected.host.scroll.verticalScrollBar().maximum() == 0, "Slicer's own area has nothing to scroll"
    bar.setValue(round(share * bar.maximum()))
    client.failure = ServerFailed("The server failed inside (500): try again, and see the server's log.", 500)
    detected.submit()
    assert detected.message.startswith("one was not sent, and its points are kept: The server failed inside")
    for name in ("messageLabel", "retryButton", "unsentLabel", "sendAgainButton"):
        assert wholly_seen(detected, getattr(detected.ui, name)), name
    for name in ("detect", "submit", "allRight", "nextSample"):
        assert wholly_seen(detected, getattr(detected.ui, f"{name}Button")), name
    assert not wholly_seen(detected, detected.ui.landmarkTable) or share > 0


def test_the_tools_have_their_places(detected: Driver) -> None:
    """The picture of a landmark is shown while it is being placed, the others as long as an image is open."""
    names = ("calibrationSection", "measurementTools", "landmarkPicture", "viewTools")
    places = {name: getattr(detected.ui, name) for name in names}
    assert {name: place.visible for name, place in places.items()} == {
        "calibrationSection": True,
        "measurementTools": True,
        "landmarkPicture": False,
        "viewTools": True,
    }
    counts = {name: QtWidgets.QWidget.layout(place).count() for name, place in places.items()}
    assert counts == {"calibrationSection": 3, "measurementTools": 1, "landmarkPicture": 1, "viewTools": 1}


def test_everything_that_is_used_has_a_name() -> None:
    form = ET.parse(UI).getroot()
    buddies = {node.findtext("cstring") for node in form.iter("property") if node.get("name") == "buddy"}
    used = ("QPushButton", "QCheckBox", "QComboBox", "QLineEdit", "QSpinBox", "QTableWidget", "QProgressBar")
    for widget in form.iter("widget"):
        if widget.get("class") not in (*used, "qMRMLNodeComboBox"):
            continue
        own = {node.get("name"): node.findtext("string") for node in widget.findall("property")}
        named = own.get("text") or own.get("accessibleName") or widget.get("name") in buddies
        assert named, widget.get("name")


# Keys


def test_keys_count_in_a_window_of_the_view(detected: Driver) -> None:
    window = QtWidgets.QMainWindow()
    view = QtWidgets.QWidget()
    view.setFocusPolicy(QtCore.Qt.StrongFocus)
    window.setCentralWidget(view)
    window.show()
    window.activateWindow()
    view.setFocus()
    QtTest.QTest.keyClick(view, QtCore.Qt.Key_M)
    window.close()
    window.deleteLater()
    assert detected.rows[0][1] == "missing"


@pytest.mark.parametrize("make", [QtWidgets.QLineEdit, QtWidgets.QPlainTextEdit, QtWidgets.QTextEdit])
def test_keys_are_letters_while_a_person_types(detected: Driver, client: FolderClient, make: Any) -> None:
    field = make()
    field.show()
    field.activateWindow()
    field.setFocus()
    QtTest.QTest.keyClicks(field, "dsomacx")
    text = field.text() if isinstance(field, QtWidgets.QLineEdit) else field.toPlainText()
    field.close()
    field.deleteLater()
    assert text == "dsomacx"
    assert [row[1] for row in detected.rows] == ["predicted"] * 7
    assert client.labels == {}


def test_keys_are_letters_in_the_panel_s_own_fields(detected: Driver) -> None:
    field = detected.ui.searchEdit
    detected.host.window.activateWindow()
    field.setFocus()
    QtTest.QTest.keyClicks(field, "some")
    assert field.text == "some"
    assert [row[1] for row in detected.rows] == ["predicted"] * 7


def test_keys_leave_those_of_slicer_and_slicermorph_alone() -> None:
    from LandmarkDetectionLib.panel.shortcuts import KEYS

    keys = list(KEYS.values())
    assert len(keys) == len(set(keys))
    # Of a slice view (vtkMRMLSliceIntersectionWidget) and of SlicerMorphRC.py.
    assert not set(keys) & {"B", "F", "G", "R", "T", "V", "[", "]", "L", "P", "`", "~"}


def test_each_button_s_tool_tip_tells_its_key(detected: Driver) -> None:
    from LandmarkDetectionLib.panel.shortcuts import KEYS

    for name, key in KEYS.items():
        assert getattr(detected.ui, f"{name}Button").toolTip.endswith(f" ({key})"), name


# The layout of the views

RED, FOUR = "SlicerLayoutOneUpRedSliceView", "SlicerLayoutFourUpView"


def layout() -> Any:
    return slicer.app.layoutManager().layout


def test_the_layout_that_the_person_chose_is_kept_and_theirs_comes_back(detected: Driver) -> None:
    red, four = (getattr(slicer.vtkMRMLLayoutNode, name) for name in (RED, FOUR))
    dual = slicer.vtkMRMLLayoutNode.SlicerLayoutTwoOverTwoView
    assert layout() == red
    slicer.app.layoutManager().setLayout(dual)
    detected.open("two")
    assert layout() == dual, "another image does not change it"
    detected.widget.exit()
    assert layout() == four, "as it was before the module"
    detected.widget.enter()
    assert layout() == dual, "as it was in the module"


def test_no_image_no_layout(make_panel: Callable[..., Driver]) -> None:
    driver = make_panel()
    before = layout()
    driver.widget.exit()
    driver.widget.enter()
    assert layout() == before
