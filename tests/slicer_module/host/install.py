"""Puts the stand-ins in place and opens the real module in them."""

from __future__ import annotations

import importlib
import os
import sys
import time
import types
from pathlib import Path
from typing import Any

MODULE = Path(__file__).resolve().parents[3] / "slicer_module" / "LandmarkDetection"
NAME = "LandmarkDetection"

# Without a screen Qt draws in memory; the slice view draws in memory either way.
if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer  # noqa: E402
from PySide6 import QtCore, QtTest, QtWidgets  # noqa: E402
from scene_fixture import SceneHost  # noqa: E402

from . import ctk_widgets, qt_module, scripted_module  # noqa: E402
from .application import Application  # noqa: E402
from .slice_widget import SliceWidget, qMRMLSliceWidget  # noqa: E402

_application: Any = None


def install() -> None:
    """Makes ``qt``, ``ctk`` and the rest importable; once per process."""
    global _application
    if _application is not None:
        return
    _application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
    _application.setStyle("Fusion")
    sys.modules["qt"] = qt_module.make_module()
    sys.modules["ctk"] = ctk_widgets.install_widgets()
    for name, module in scripted_module.make_modules().items():
        sys.modules[name] = module
        setattr(slicer, name.split(".")[1], module)
    slicer.modules = types.ModuleType("slicer.modules", "The modules that are loaded.")


class Host:
    """Slicer with one window: the module's panel on the left, the Red slice view on the right.

    Args:
        folder: for settings.
        view_size: width and height of the slice view.
        source: the module's folder.
    """

    def __init__(self, folder: Path, view_size: tuple[int, int] = (480, 400), source: Path = MODULE) -> None:
        install()
        sys.path[:0] = [path for path in (str(source),) if path not in sys.path]
        self._source = source
        self.slicer = SceneHost(view_size)
        self.scene, self.view = self.slicer.scene, self.slicer.view
        self.folder = folder
        slicer.app = Application(self.slicer.logic, self.slicer.load, folder / "settings.ini")
        self.window = QtWidgets.QMainWindow()
        self.slice_widget = SliceWidget(self.view)
        self._slices = qMRMLSliceWidget(self.slice_widget)
        slicer.app.layoutManager()._slices["Red"] = self._slices
        slicer.util.mainWindow = lambda *_: self.window
        slicer.util.showStatusMessage = lambda *_: None
        self.module: Any = None
        self.closed = False

    def open_module(self) -> Any:
        """The module as Slicer opens it: imported, set up, entered."""
        self.module = importlib.import_module(NAME)
        parent = scripted_module.ModuleParent(str(self._source / f"{NAME}.py"))
        self.module.LandmarkDetection(parent)
        setattr(slicer.modules, NAME.lower(), parent)
        parent.widgetRepresentation()
        self.widget.enter()
        self._show()
        return self.widget

    @property
    def widget(self) -> Any:
        """The module's widget, another one after each reload; None where the module is closed."""
        return getattr(slicer.modules, f"{NAME}Widget", None)

    def _show(self) -> None:
        self.scroll = QtWidgets.QScrollArea()
        self.scroll.setWidget(self.widget.parent)
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        splitter = QtWidgets.QSplitter()
        splitter.addWidget(self.scroll)
        frame = QtWidgets.QWidget()
        frame.setStyleSheet("background: black")
        QtWidgets.QVBoxLayout(frame).addWidget(self._slices, 0, QtCore.Qt.AlignCenter)
        splitter.addWidget(frame)
        self.scroll.setMinimumWidth(460)
        self.window.setCentralWidget(splitter)
        self.window.resize(460 + self.view.size[0] + 20, max(self.view.size[1], 700))
        self.window.show()
        self.step()

    def step(self, milliseconds: int = 0) -> None:
        """Lets the event loop run."""
        QtTest.QTest.qWait(milliseconds)

    def wait(self, condition: Any, seconds: float = 30.0, words: str = "") -> None:
        """Runs the event loop until something is so; AssertionError where it does not come about."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"It did not come about within {seconds} s: {words or condition}"
            QtTest.QTest.qWait(5)

    def close_module(self) -> None:
        """As Slicer closes: the module's widget is cleaned up and deleted."""
        if self.widget is not None:
            self.widget.exit()
            self.widget.cleanup()
            self.window.close()
            self.window.setCentralWidget(None)
            delattr(slicer.modules, f"{NAME}Widget")
            delattr(slicer.modules, NAME.lower())

    def close(self) -> None:
        """Closes the module, the view and the scene; nothing happens the second time."""
        if self.closed:
            return
        self.closed = True
        self.close_module()
        self.window.deleteLater()
        self.step()
        self.slicer.close()
