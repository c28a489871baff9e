"""The module uses only names that exist in Slicer, so that no slip of the pen hides behind a stand-in.

What hangs on an object of Qt, CTK, qMRML or qSlicer is looked up in that object's class, by the rules of PythonQt:
Qt's classes have what PythonQt wraps of them and their meta-objects, the others their meta-objects and decorators.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import slicer
import vtk
from host import application, ctk_widgets, install, qt_module, scripted_module
from PySide6 import QtCore
from qt_uses import SIGNAL, Finder, Use, dotted, ui_classes
from slicer_api import BASES, DECORATOR, INVOKABLE, MADE_IN_PYTHON, MEMBERS, META_OBJECT, PROPERTY

ROOT = Path(__file__).resolve().parents[2] / "slicer_module"
FILES = sorted(ROOT.rglob("*.py"))
WRAPPED: dict[str, list[str]] = json.loads((Path(__file__).parent / "pythonqt_names.json").read_text())["classes"]

#: What objects of the standard library get when they are made, and where.
_SET_IN_INIT = {
    "headers": "requests.Response",
    "sock": "http.client.HTTPConnection",
    "status_code": "requests.Response",
    "errors": "unittest.TestResult",
    "f_globals": "types.FrameType",
    "failures": "unittest.TestResult",
    "testsRun": "unittest.TestResult",
    "verify_message": "ssl.SSLCertVerificationError",
}


def qt_names(name: str) -> set[str]:
    """What PythonQt has of a class of Qt: what it wraps, and slots, signals and properties, base classes included."""
    found: set[str] = set()
    for cls in qt_module._find(name).__mro__:
        found |= set(WRAPPED.get(cls.__name__, ()))
        meta = getattr(cls, "staticMetaObject", None)
        if meta is not None:
            found |= {meta.property(i).name() for i in range(meta.propertyCount())}
            found |= {bytes(meta.method(i).name().data()).decode() for i in range(meta.methodCount())}
    return found


def qt_properties(name: str) -> set[str]:
    """What PythonQt has as attributes of a class of Qt: it looks for a property before it looks for a method."""
    meta = getattr(qt_module._find(name), "staticMetaObject", None)
    if meta is None:
        return set()
    found = {meta.property(i).name() for i in range(meta.propertyCount())}
    # PythonQtClassInfo::lookForPropertyAndCache leaves the timer's property to the static method of its name.
    return (found | {"name"}) - ({"singleShot"} if name == "QTimer" else set())


def is_signal(cls: str, name: str) -> bool:
    """Whether a name of a class is a signal."""
    if f"{cls}.{name}" in MEMBERS:
        return MEMBERS[f"{cls}.{name}"].rule == "signal"
    meta = getattr(qt_module._find(BASES.get(cls, cls)), "staticMetaObject", None) if known_class(cls) else None
    methods = [] if meta is None else [meta.method(i) for i in range(meta.methodCount())]
    signal = QtCore.QMetaMethod.MethodType.Signal
    return any(bytes(m.name().data()).decode() == name and m.methodType() == signal for m in methods)


def known_class(cls: str) -> bool:
    """Whether the lists have a class."""
    return cls in WRAPPED or cls in BASES


def fault(use: Use) -> str:
    """Why PythonQt would refuse a use; empty where it would not."""
    cls, name = use.cls, use.name
    words = f"line {use.line}: {cls}.{name}"
    if cls == SIGNAL:
        return "" if name in ("connect", "disconnect", "emit") and use.how == "called" else f"{words} is no signal's"
    if not known_class(cls):
        return f"{words}: the lists do not have this class"
    member, base = MEMBERS.get(f"{cls}.{name}"), BASES.get(cls, cls)
    if member is None and name not in qt_names(base) and name not in ("exec_", "className", "name"):
        return f"{words} does not exist"
    is_property = member.rule == PROPERTY if member is not None else name in qt_properties(base)
    if is_property:
        return "" if use.how in ("read", "written") else f"{words} is a property, and is {use.how}"
    if is_signal(cls, name):
        return "" if use.how == "read" else f"{words} is a signal, and is {use.how}"
    return "" if use.how in ("called", "passed") else f"{words} is a method, and is {use.how}"


def find(source: str, stem: str = "") -> Finder:
    return Finder(stem, ui_classes(ui_file()), is_signal).find(source)


def known_attributes() -> set[str]:
    """Every name that anything in reach of the module has, but for Qt's, CTK's, qMRML's and qSlicer's objects."""
    found = {"connect"} | set(_SET_IN_INIT) | {name.rpartition(".")[2] for name in MADE_IN_PYTHON}
    for room in (slicer, vtk):
        classes = (cls for name, cls in vars(room).items() if isinstance(cls, type) and name.startswith("vtk"))
        found |= {entry for cls in classes for entry in dir(cls)}
    found |= {entry for cls in vars(builtins).values() if isinstance(cls, type) for entry in dir(cls)}
    found |= set(ui_classes(ui_file()))
    for path in FILES:
        found |= names_of(path)
    return found


def names_of(path: Path) -> set[str]:
    """What a file defines, and what the standard library's modules that it imports have."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            found |= assigned(node)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= names_in(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {name for alias in node.names for name in names_in(alias.name)}
    return found


def assigned(node: ast.Assign | ast.AnnAssign) -> set[str]:
    """Variables and attributes that get a value."""
    found: set[str] = set()
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        for part in ast.walk(target):
            if isinstance(part, ast.Name):
                found.add(part.id)
            elif isinstance(part, ast.Attribute) and dotted(part.value) in ("self", "work"):
                found.add(part.attr)
    return found


def names_in(module: str) -> set[str]:
    """The names of a module and of its classes; none where it is of Slicer's application."""
    if module.split(".")[0] not in {*sys.stdlib_module_names, "requests", "urllib3"}:
        return set()
    things = vars(importlib.import_module(module))
    return set(things) | {entry for cls in things.values() if isinstance(cls, type) for entry in dir(cls)}


def ui_file() -> Path:
    return ROOT / "LandmarkDetection" / "Resources" / "UI" / "LandmarkDetection.ui"


def unknown(source: str, known: set[str], stem: str = "") -> list[str]:
    """The names that do not exist."""
    found, tree = [], ast.parse(source)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in find(source, stem).unclassed:
        name = dotted(node)
        room = name.split(".")[0]
        if room in ("qt", "ctk", "slicer", "vtk", "SampleData"):
            if not exists(name):
                found.append(name)
        elif room in imported:
            if not has(importlib.import_module(room), name.partition(".")[2]):
                found.append(name)
        elif node.attr not in known:
            found.append(node.attr)
    return found


def exists(name: str) -> bool:
    """Whether a dotted name is in the lists, or in the real library."""
    room, _, rest = name.partition(".")
    if any(listed == name or listed.startswith(f"{name}.") for listed in MADE_IN_PYTHON):
        return True
    if room == "slicer":
        first, _, rest = rest.partition(".")
        if first in ("util", "mrmlScene"):
            return has(slicer.util if first == "util" else slicer.vtkMRMLScene, rest)
        return first.startswith("vtk") and has(getattr(slicer, first, None), rest)
    if room == "vtk":
        return has(vtk, rest)
    if room == "ctk":
        return rest in BASES
    if room == "qt":
        first, _, member = rest.partition(".")
        listed = first in WRAPPED or first == "Qt"
        return listed and (not member or has(qt_module._find(first), member))
    return False


def has(thing: Any, names: str) -> bool:
    for name in filter(None, names.split(".")):
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return thing is not None


@pytest.fixture(scope="module")
def known() -> set[str]:
    install()
    return known_attributes()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_name_exists(path: Path, known: set[str]) -> None:
    assert unknown(path.read_text(), known, path.stem) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_use_of_a_qt_object_is_one_that_pythonqt_has(path: Path, known: set[str]) -> None:
    assert [fault(use) for use in find(path.read_text(), path.stem).uses if fault(use)] == []


def test_the_module_s_uses_are_found() -> None:
    uses = {(use.cls, use.name, use.how) for path in FILES for use in find(path.read_text(), path.stem).uses}
    for wanted in (
        ("ctkCollapsibleButton", "collapsed", "written"),
        ("ctkCollapsibleButton", "contentsCollapsed", "read"),
        ("qMRMLNodeComboBox", "currentNode", "called"),
        ("qSlicerLayoutManager", "setLayout", "called"),
        ("qSlicerScriptedLoadableModule", "title", "written"),
        ("QHeaderView", "setSectionResizeMode", "called"),
        ("QTimer", "timeout", "read"),
        ("QTableWidget", "rowCount", "read"),
        ("QShortcut", "deleteLater", "called"),
        (SIGNAL, "disconnect", "called"),
    ):
        assert wanted in uses


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("section = ui.serverSection\nsection.setCollapsed(True)", "does not exist"),
        ("ui.serverSection.setCollapsedHeight(3)", "does not exist"),
        ("ui.volumeSelector.setNoneEnabled(True)", "does not exist"),
        ("ui.serverSection.collapsed()", "is a property"),
        ("ui.landmarkTable.rowCount()", "is a property"),
        ("words = ui.annotatorEdit.text()", "is a property"),
        ("ui.trainButton.isEnabled", "is a method"),
        ("ui.trainButton.clicked()", "is a signal"),
        ("ui.trainButton.clicked.link(print)", "is no signal's"),
        ("ui.trainButton.setEnabeld(True)", "does not exist"),
        ("slicer.app.mainWindow()", "does not exist"),
        ("slicer.app.layoutManger()", "does not exist"),
        ("manager = slicer.app.layoutManager()\nmanager.setLayot(3)", "does not exist"),
        ("box = qt.QCheckBox()\nbox.enabled(True)", "is a property"),
        ("slider = ctk.ctkSliderWidget()\nslider.value", "do not have this class"),
    ],
)
def test_a_use_that_pythonqt_refuses_is_found(line: str, words: str) -> None:
    (found,) = filter(None, map(fault, find(line).uses))
    assert words in found


@pytest.mark.parametrize("line", ["section.setCollapsed(True)", "thing.setWindowTitle('')", "thing.currentNode()"])
def test_a_qt_name_of_an_object_without_a_known_class_is_found(line: str, known: set[str]) -> None:
    assert unknown(line, known) == [line.split(".")[1].split("(")[0]]


def test_every_listed_member_is_in_a_meta_object_or_a_decorator() -> None:
    for name, entry in MEMBERS.items():
        cls, _, member = name.partition(".")
        assert cls in BASES
        assert entry.rule in META_OBJECT
        assert member in entry.declaration
        assert entry.declaration.startswith("Q_PROPERTY(") == (entry.rule == PROPERTY), name
        assert entry.declaration.startswith("Q_INVOKABLE ") == (entry.rule == INVOKABLE), name
        assert entry.place.endswith("Decorators.h") == (entry.rule == DECORATOR), name


@pytest.mark.parametrize(
    "line",
    [
        "button.setEnabeld(True)",
        "slicer.vtkMRMLMarkupsFiducialNod()",
        "qt.QPushButon()",
        "qt.Qt.AlignMiddle",
        "ctk.ctkSlider()",
        "slicer.util.loadVolum(path)",
        "node.SetNthControlPointPositon(0)",
        "vtk.vtkMatrix5x5()",
        "ui.detctButton",
    ],
)
def test_a_slip_of_the_pen_is_found(line: str, known: set[str]) -> None:
    assert unknown(line, known)


@pytest.mark.parametrize(
    ("stand_in", "name"),
    [
        (application.Application, "qSlicerApplication"),
        (application.InputOutput, "qSlicerCoreIOManager"),
        (application.LayoutManager, "qSlicerLayoutManager"),
        (ctk_widgets.ctkCollapsibleButton, "ctkCollapsibleButton"),
        (ctk_widgets.qMRMLWidget, "qMRMLWidget"),
        (ctk_widgets.qMRMLNodeComboBox, "qMRMLNodeComboBox"),
        *(
            (getattr(scripted_module, name), name)
            for name in MADE_IN_PYTHON
            if name.startswith("Scr") and "." not in name
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_stand_in_offers_what_its_class_has_in_python(stand_in: Any, name: str) -> None:
    install()
    listed = {entry.partition(".")[2] for entry in (*MEMBERS, *MADE_IN_PYTHON) if entry.startswith(f"{name}.")}
    if name in BASES:
        listed |= qt_names(BASES[name])
    host_only = {"paths", "staticMetaObject"}
    own = {entry for entry in vars(stand_in) if not entry.startswith("_")}
    assert own - listed - host_only == set()


def test_the_panel_file_uses_only_widgets_with_a_name_in_slicer() -> None:
    assert {name for name in ui_classes(ui_file()).values() if not name.startswith("Q")} == {
        "ctkCollapsibleButton",
        "qMRMLNodeComboBox",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_python_3_9_can_read_it(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))
