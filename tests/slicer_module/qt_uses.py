"""Finds every use of a Qt, CTK, qMRML or qSlicer object in a source, with the class of the object.

Classes come from the ``.ui`` file, from calls of ``qt.X(...)``, and from the few tables below. What has no class here
is left to the caller, who knows by its name whether it can be anything else.
"""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

#: What a method or property of a class gives, where it is used further.
RESULTS = {
    ("QLabel", "palette"): "QPalette",
    ("QLabel", "parentWidget"): "QWidget",
    ("QPalette", "color"): "QColor",
    ("QPainter", "font"): "QFont",
    ("QTableWidget", "fontMetrics"): "QFontMetrics",
    ("QTableWidget", "horizontalHeader"): "QHeaderView",
    ("QTableWidget", "item"): "QTableWidgetItem",
    ("QTableWidget", "model"): "QAbstractItemModel",
    ("QTableWidget", "sizeHintForIndex"): "QSize",
    ("QTableWidget", "verticalHeader"): "QHeaderView",
    ("QTableWidgetItem", "font"): "QFont",
    ("QColor", "darker"): "QColor",
    ("QFrame", "layout"): "QVBoxLayout",
    ("qMRMLSliceView", "size"): "QSize",
    ("qMRMLSliceWidget", "sliceView"): "qMRMLSliceView",
    ("qSlicerApplication", "layoutManager"): "qSlicerLayoutManager",
    ("qSlicerApplication", "userSettings"): "QSettings",
    ("qSlicerLayoutManager", "sliceWidget"): "qMRMLSliceWidget",
}
#: What functions of the module and of Slicer give.
FUNCTIONS = {
    "self._make_table": "QTableWidget",
    "set_cell": "QTableWidgetItem",
    "slicer.util.mainWindow": "QWidget",
    "slicer.util.loadUI": "QWidget",
    "_combo": "QComboBox",
    "view_widget": "qMRMLSliceView",
}
#: Parameters and loop variables by file and name.
VARIABLES = {
    ("view_tools", "shortcut"): "QShortcut",
    ("calibration_box", "button"): "QPushButton",
    ("calibration_box", "layout"): "QVBoxLayout",
    ("calibration_box", "widget"): "QLabel",
    ("dialogs", "dialog"): "QuestionDialog",
    ("pictures", "painter"): "QPainter",
    ("measurements_box", "button"): "QPushButton",
    ("settings", "store"): "QSettings",
    ("shortcuts", "shortcut"): "QShortcut",
    ("study_box", "combo"): "QComboBox",
    ("view_tools", "manager"): "qSlicerLayoutManager",
    ("table_cells", "item"): "QTableWidgetItem",
    ("table_cells", "table"): "QTableWidget",
}
#: Attributes that Slicer's base classes set, by class of the module.
INHERITED = {
    ("LandmarkDetection", "parent"): "qSlicerScriptedLoadableModule",
    ("LandmarkDetectionFileReader", "parent"): "qSlicerScriptedFileReader",
    ("LandmarkDetectionWidget", "layout"): "QVBoxLayout",
    ("LandmarkDetectionWidget", "parent"): "qSlicerScriptedLoadableModuleWidget",
}
#: Tuples that functions give.
PAIRS = {"_canvas": ("QPixmap", "QPainter")}
SIGNAL = "signal"


class Use(NamedTuple):
    """One attribute of an object whose class is known.

    Attributes:
        cls: the class, or ``signal``.
        name: the attribute.
        how: ``called``, ``read``, ``written``, or ``passed`` as an argument of ``connect`` or ``disconnect``.
        line: of the source.
    """

    cls: str
    name: str
    how: str
    line: int


def ui_classes(path: Path) -> dict[str, str]:
    """The class of each widget of a ``.ui`` file."""
    return {node.get("name", ""): node.get("class", "") for node in ET.parse(path).iter("widget")}


def dotted(node: ast.expr) -> str:
    """``slicer.app.layoutManager`` of an expression of plain names; empty for others."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        front = dotted(node.value)
        return f"{front}.{node.attr}" if front else ""
    return ""


class Finder(ast.NodeVisitor):
    """Walks through a source; afterwards it has the uses, and the attributes of objects without a known class.

    Args:
        stem: the file's name without ending.
        widgets: classes of the ``.ui`` file by name.
        is_signal: whether a name of a class is a signal.
    """

    def __init__(self, stem: str, widgets: dict[str, str], is_signal: Callable[[str, str], bool]) -> None:
        self.uses: list[Use] = []
        self.unclassed: list[ast.Attribute] = []
        self._stem, self._widgets, self._is_signal = stem, widgets, is_signal
        self._class = ""
        self._names: list[dict[str, str]] = [{}]
        self._attributes: dict[tuple[str, str], str] = dict(INHERITED)
        self._how: dict[int, str] = {}
        self._classes: set[str] = set()

    def find(self, source: str) -> Finder:
        tree = ast.parse(source)
        self._classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        self._attributes_of(tree)
        self.visit(tree)
        return self

    def _attributes_of(self, tree: ast.AST) -> None:
        """What the classes of the source keep in their attributes, before the methods that use it are walked."""
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            self._class = node.name
            for function in (part for part in ast.walk(node) if isinstance(part, ast.FunctionDef)):
                self._names.append({})
                for part in ast.walk(function):
                    if isinstance(part, ast.Assign):
                        self._assign(part)
                self._names.pop()
        self._class = ""

    # What is walked

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        before, self._class = self._class, node.name
        self.generic_visit(node)
        self._class = before

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._names.append({})
        self.generic_visit(node)
        self._names.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assign(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self._how[id(node.func)] = "called"
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("connect", "disconnect"):
            self._how.update({id(argument): "passed" for argument in node.args})
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        cls = self.cls(node.value)
        if cls:
            written = isinstance(node.ctx, ast.Store)
            how = "written" if written else self._how.get(id(node), "read")
            if cls not in self._classes:
                self.uses.append(Use(cls, node.attr, how, node.lineno))
            elif self.cls(node) == "":
                self.unclassed.append(node)
        else:
            self.unclassed.append(node)
        self.generic_visit(node)

    # Classes of expressions

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for part, value in zip(target.elts, node.value.elts, strict=True):
                    self._keep(part, self.cls(value))
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Call):
                for part, cls in zip(target.elts, PAIRS.get(dotted(node.value.func), ()), strict=False):
                    self._keep(part, cls)
            else:
                self._keep(target, self.cls(node.value))

    def _keep(self, target: ast.expr, cls: str) -> None:
        if not cls:
            return
        if isinstance(target, ast.Name):
            self._names[-1][target.id] = cls
        elif isinstance(target, ast.Attribute) and dotted(target.value) == "self":
            self._attributes[self._class, target.attr] = cls

    def cls(self, node: ast.expr) -> str:
        """The class of an expression; empty where it is not known."""
        if isinstance(node, ast.Name):
            if node.id == "self":
                return self._class
            known = (names[node.id] for names in reversed(self._names) if node.id in names)
            return next(known, VARIABLES.get((self._stem, node.id), ""))
        if isinstance(node, ast.Attribute):
            return self._of_attribute(node)
        if isinstance(node, ast.Call):
            return self._of_call(node)
        if isinstance(node, ast.BoolOp):
            return next(filter(None, map(self.cls, node.values)), "")
        return self.cls(node.body) if isinstance(node, ast.IfExp) else ""

    def _of_attribute(self, node: ast.Attribute) -> str:
        if dotted(node) == "slicer.app":
            return "qSlicerApplication"
        front = node.value
        if (front.id if isinstance(front, ast.Name) else getattr(front, "attr", "")) in ("ui", "_ui"):
            return self._widgets.get(node.attr, "")
        cls = self.cls(front)
        if cls and self._is_signal(cls, node.attr):
            return SIGNAL
        return self._attributes.get((cls, node.attr), "") or RESULTS.get((cls, node.attr), "")

    def _of_call(self, node: ast.Call) -> str:
        name = dotted(node.func)
        room, _, rest = name.partition(".")
        if room in ("qt", "ctk") and rest and "." not in rest:
            return rest
        if name in FUNCTIONS or name in self._classes:
            return FUNCTIONS.get(name, name)
        if name == "getattr" and dotted(node.args[0]).rpartition(".")[2] in ("ui", "_ui"):
            return self._by_end(node.args[1])
        if isinstance(node.func, ast.Attribute):
            return RESULTS.get((self.cls(node.func.value), node.func.attr), "")
        return ""

    def _by_end(self, name: ast.expr) -> str:
        """The class of all widgets whose names end as a formatted name does, ``f"{action}Button"``."""
        end = name.values[-1].value if isinstance(name, ast.JoinedStr) else ""  # type: ignore[attr-defined]
        (cls,) = {cls for widget, cls in self._widgets.items() if end and widget.endswith(str(end))}
        return cls
