"""``slicer.ScriptedLoadableModule`` and ``slicer.i18n``, and the C++ objects behind a scripted module."""

from __future__ import annotations

import os
import sys
import types
import unittest
from typing import Any

import slicer
from PySide6 import QtGui, QtWidgets

from .ctk_widgets import qMRMLWidget


class ModuleParent:
    """``qSlicerScriptedLoadableModule``: what Slicer hands to the module's first class, ``slicer.modules.<name>``.

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
        self._widget: Any = None

    def widgetRepresentation(self) -> Any:
        if self._widget is None:
            self._widget = qSlicerScriptedLoadableModuleWidget(os.path.splitext(os.path.basename(self.path))[0])
            self._widget.reload()
        return self._widget


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):  # noqa: N801 - Slicer's name
    """The module's place in the window; the Python object that fills it is another after each reload.

    Args:
        name: the module's.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        QtWidgets.QVBoxLayout(self).setContentsMargins(0, 0, 0, 0)
        self.setMRMLScene(slicer.mrmlScene)
        self._name = name

    def reload(self) -> None:
        """As in C++: the class of the module that is in ``sys.modules`` now, in the same widget."""
        widget = getattr(sys.modules[self._name], f"{self._name}Widget")(self)
        setattr(slicer.modules, f"{self._name}Widget", widget)
        widget.setup()


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
    def __init__(self, parent: Any) -> None:
        super().__init__()
        self.moduleName = type(self).__name__[: -len("Widget")]
        self.parent = parent
        self.layout = self.parent.layout()

    def resourcePath(self, name: str) -> str:
        return os.path.join(os.path.dirname(slicer.util.modulePath(self.moduleName)), "Resources", name)

    def setup(self) -> None:
        pass

    def cleanup(self) -> None:
        pass

    def enter(self) -> None:
        pass

    def exit(self) -> None:
        pass

    def onReload(self) -> None:
        slicer.util.reloadScriptedModule(self.moduleName)


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
