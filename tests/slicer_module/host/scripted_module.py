"""``slicer.ScriptedLoadableModule`` and ``slicer.i18n``."""

from __future__ import annotations

import os
import types
import unittest
from typing import Any

import slicer
from PySide6 import QtGui, QtWidgets

from .ctk_widgets import qMRMLWidget


class ModuleParent:
    """What Slicer hands to the module's first class.

    Args:
        path: of the module's entry file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.title, self.helpText, self.acknowledgementText = "", "", ""
        self.categories: list[str] = []
        self.dependencies: list[str] = []
        self.contributors: list[str] = []
        self.icon: Any = None


class ScriptedLoadableModule:
    def __init__(self, parent: Any) -> None:
        self.parent, self.moduleName = parent, type(self).__name__
        folder = os.path.join(os.path.dirname(parent.path), "Resources", "Icons")
        for extension in (".svg", ".png"):
            path = os.path.join(folder, self.moduleName + extension)
            if os.path.isfile(path):
                parent.icon = QtGui.QIcon(path)
                break


class ScriptedLoadableModuleWidget:
    #: The entry file by module name; Slicer's module manager knows it.
    paths: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__[: -len("Widget")]
        self.parent = parent if parent is not None else _panel()
        self.layout = self.parent.layout()

    def resourcePath(self, name: str) -> str:
        return os.path.join(os.path.dirname(self.paths[self.moduleName]), "Resources", name)

    def setup(self) -> None:
        pass

    def cleanup(self) -> None:
        pass

    def enter(self) -> None:
        pass

    def exit(self) -> None:
        pass


class ScriptedLoadableModuleLogic:
    def __init__(self, parent: Any = None) -> None:
        pass


class ScriptedLoadableModuleTest(unittest.TestCase):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments or ("runTest",), **options)

    def runTest(self) -> None:
        pass

    def delayDisplay(self, message: str, *_: Any, **__: Any) -> None:
        pass


def _panel() -> Any:
    panel = qMRMLWidget()
    layout = QtWidgets.QVBoxLayout(panel)
    layout.setContentsMargins(0, 0, 0, 0)
    panel.setMRMLScene(slicer.mrmlScene)
    return panel


def make_modules() -> dict[str, types.ModuleType]:
    """The modules by name."""
    scripted = types.ModuleType("slicer.ScriptedLoadableModule")
    names = ("ScriptedLoadableModule", "ScriptedLoadableModuleWidget", "ScriptedLoadableModuleLogic")
    names = (*names, "ScriptedLoadableModuleTest")
    for name in names:
        setattr(scripted, name, globals()[name])
    scripted.__all__ = list(names)  # type: ignore[attr-defined]
    i18n = types.ModuleType("slicer.i18n")
    i18n.tr = lambda text: text  # type: ignore[attr-defined]
    i18n.translate = lambda context, text: text  # type: ignore[attr-defined]
    return {"slicer.ScriptedLoadableModule": scripted, "slicer.i18n": i18n}
