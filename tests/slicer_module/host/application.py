"""``slicer.app``: the few things that the module asks of the application."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets


class Application:
    """The running application.

    Args:
        logic: the application logic.
        load: reads one image file as a volume node.
        settings: a file for the person's settings.
    """

    applicationName = "Slicer"  # noqa: N815

    def __init__(self, logic: Any, load: Any, settings: Path) -> None:
        self._logic, self._io, self._layouts = logic, InputOutput(load), LayoutManager()
        self._settings = QtCore.QSettings(str(settings), QtCore.QSettings.IniFormat)
        self.temporaryPath = tempfile.gettempdir()
        self.connected: list[tuple[str, Callable[[], object]]] = []

    def applicationLogic(self) -> Any:
        return self._logic

    def coreIOManager(self) -> InputOutput:
        return self._io

    def layoutManager(self) -> LayoutManager:
        return self._layouts

    def userSettings(self) -> Any:
        return self._settings

    def testingEnabled(self) -> bool:
        return False

    def connect(self, signal: str, function: Callable[[], object]) -> bool:
        self.connected.append((signal, function))
        return True

    def processEvents(self) -> None:
        QtWidgets.QApplication.processEvents()


class InputOutput:
    """Loads files; ``slicer.util.loadVolume`` asks it."""

    def __init__(self, load: Any) -> None:
        self._load = load

    def fileType(self, _name: str) -> str:
        return "VolumeFile"

    def loadNodes(self, kind: str, properties: dict[str, Any], nodes: Any, messages: Any) -> bool:
        try:
            load = _load_markups if kind == "MarkupsFile" else self._load
            nodes.AddItem(load(Path(properties["fileName"])))
        except Exception as error:  # as Slicer: the reason goes to the messages
            messages.AddMessage(vtk.vtkCommand.ErrorEvent, str(error))
            return False
        return True


def _load_markups(path: Path) -> Any:
    storage, node = slicer.vtkMRMLMarkupsJsonStorageNode(), slicer.vtkMRMLMarkupsFiducialNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        raise ValueError(f"{path} is no markups file")
    return slicer.mrmlScene.AddNode(node)


class LayoutManager:
    """Which views are shown; here it only remembers, and knows the one slice view."""

    def __init__(self) -> None:
        self.layout = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
        self._slices: dict[str, Any] = {}

    def sliceWidget(self, name: str) -> Any:
        return self._slices.get(name)

    def setLayout(self, layout: int) -> None:
        self.layout = layout
