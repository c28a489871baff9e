"""Dialogs without a main window: PythonQt owns their windows, so none may be let go of while Qt deletes it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import slicer
from panel_driver import Driver
from PySide6 import QtCore, QtWidgets


@pytest.fixture
def windowless(make_panel: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Slicer without a main window."""
    driver = make_panel()
    monkeypatch.setattr(slicer.util, "mainWindow", lambda *_: None)
    return driver


def ask_once(windows: list[Any], answer: str = "keepChoice") -> str:
    """Asks, presses a button, and keeps a weak reference to the dialog's window as Python has it."""
    from LandmarkDetectionLib.panel.dialogs import ask
    from LandmarkDetectionLib.work.question import Question

    def press() -> None:
        window = QtWidgets.QApplication.activeModalWidget()
        assert window.parent() is None
        windows.append(weakref.ref(window))
        window.findChild(QtWidgets.QPushButton, answer).click()

    QtCore.QTimer.singleShot(20, press)
    return ask(Question("What now?", (), ("save_draft", "keep", "stay")))


def choose_once(windows: list[Any]) -> Any:
    """The same with the dialog of versions."""
    from LandmarkDetectionLib.panel.versions_box import choose_version
    from LandmarkDetectionLib.server.images import LabelVersion

    def press() -> None:
        window = QtWidgets.QApplication.activeModalWidget()
        assert window.parent() is None
        windows.append(weakref.ref(window))
        window.findChild(QtWidgets.QPushButton, "restoreVersionButton").click()

    QtCore.QTimer.singleShot(20, press)
    version = LabelVersion("final", "v-1", "2026-01-02T03:04:05+00:00", "replaced", 1, "Ada", "head")
    return choose_version("one", (version,)).version


@pytest.mark.parametrize("show", [ask_once, choose_once])
def test_python_keeps_a_window_until_qt_has_deleted_it(windowless: Driver, show: Callable[..., Any]) -> None:
    windows: list[Any] = []
    assert show(windows) in ("keep", "v-1")
    windowless.host.step()
    gc.collect()
    assert windows[0]() is not None, "the last reference went while Qt was deleting the window"
    assert not windows[0](), "the window is gone from Qt"


def test_two_dialogs_of_one_press_are_both_kept(windowless: Driver) -> None:
    windows: list[Any] = []

    def both() -> None:
        ask_once(windows)
        choose_once(windows)

    QtCore.QTimer.singleShot(0, both)
    windowless.host.wait(lambda: len(windows) == 2, 10)
    windowless.host.step(50)
    gc.collect()
    assert [window() is not None for window in windows] == [True, True]
    assert not any(window() for window in windows), "both are gone from Qt"


def test_dialogs_do_not_pile_up(windowless: Driver) -> None:
    windows: list[Any] = []
    for _ in range(3):
        ask_once(windows)
        windowless.host.step()
    gc.collect()
    assert [window() is not None for window in windows] == [False, False, True]
