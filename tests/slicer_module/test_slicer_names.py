"""The module uses only names that exist in Slicer, so that no slip of the pen hides behind a stand-in."""

from __future__ import annotations

import ast
import builtins
import importlib
import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer
import vtk
from host import application, ctk_widgets, install, qt_module, scripted_module
from slicer_api import NAMES, PYTHONQT_EXTRAS

ROOT = Path(__file__).resolve().parents[2] / "slicer_module"
FILES = sorted(ROOT.rglob("*.py"))
WRAPPED: dict[str, list[str]] = json.loads((Path(__file__).parent / "pythonqt_names.json").read_text())["classes"]

#: What objects of the standard library get when they are made, and where.
_SET_IN_INIT = {
    "chunked": "http.client.HTTPResponse",
    "errors": "unittest.TestResult",
    "failures": "unittest.TestResult",
    "testsRun": "unittest.TestResult",
    "verify_message": "ssl.SSLCertVerificationError",
}


def attributes(tree: ast.AST) -> Iterator[ast.Attribute]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def chain(node: ast.expr) -> str:
    """``slicer.app.layoutManager`` of an expression of plain names; empty for others."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        front = chain(node.value)
        return f"{front}.{node.attr}" if front else ""
    return ""


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


def known_attributes() -> set[str]:
    """Every name that anything in reach of the module has."""
    found = set(PYTHONQT_EXTRAS) | set(_SET_IN_INIT) | {name.rpartition(".")[2] for name in NAMES}
    for name in (*qt_module.PLAIN, *qt_module.WITH_PROPERTIES, *qt_module.LAYOUTS):
        if name in WRAPPED:
            found |= qt_names(name)
    for room in (slicer, vtk):
        found |= {entry for name, cls in vars(room).items() if isinstance(cls, type) for entry in dir(cls)}
    found |= {entry for cls in vars(builtins).values() if isinstance(cls, type) for entry in dir(cls)}
    found |= {node.get("name", "") for node in ET.parse(ui_file()).iter("widget")}
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
            elif isinstance(part, ast.Attribute) and chain(part.value) in ("self", "work"):
                found.add(part.attr)
    return found


def names_in(module: str) -> set[str]:
    """The names of a module of the standard library and of its classes; none for other modules."""
    if module.split(".")[0] not in sys.stdlib_module_names:
        return set()
    things = vars(importlib.import_module(module))
    return set(things) | {entry for cls in things.values() if isinstance(cls, type) for entry in dir(cls)}


def ui_file() -> Path:
    return ROOT / "LandmarkDetection" / "Resources" / "UI" / "LandmarkDetection.ui"


def unknown(source: str, known: set[str]) -> list[str]:
    """The names that do not exist."""
    found, tree = [], ast.parse(source)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in attributes(tree):
        name = chain(node)
        room = name.split(".")[0]
        if room in ("qt", "ctk", "slicer", "vtk"):
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
    if name in NAMES or any(listed.startswith(f"{name}.") for listed in NAMES):
        return True
    if room == "slicer":
        first, _, rest = rest.partition(".")
        if first in ("util", "mrmlScene"):
            return has(slicer.util if first == "util" else slicer.vtkMRMLScene, rest)
        return first.startswith("vtk") and has(getattr(slicer, first, None), rest)
    if room == "vtk":
        return has(vtk, rest)
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
    assert unknown(path.read_text(), known) == []


@pytest.mark.parametrize(
    "line",
    [
        "button.setEnabeld(True)",
        "slicer.app.layoutManger()",
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


def test_stand_ins_offer_only_listed_names() -> None:
    listed = {name.rpartition(".")[2] for name in NAMES} | set(PYTHONQT_EXTRAS)
    stand_ins = [application.Application, application.InputOutput, application.LayoutManager]
    stand_ins += [getattr(scripted_module, name) for name in NAMES if name.startswith("Scripted") and "." not in name]
    stand_ins += [ctk_widgets.ctkCollapsibleButton, ctk_widgets.qMRMLWidget, ctk_widgets.qMRMLNodeComboBox]
    host_only = {"paths", "staticMetaObject", "childEvent", "resizeEvent"}
    for cls in stand_ins:
        own = {name for name in vars(cls) if not name.startswith("_")}
        assert own - listed - host_only == set(), cls


def test_the_panel_file_uses_only_widgets_with_a_name_in_slicer() -> None:
    classes = {node.get("class") for node in ET.parse(ui_file()).iter("widget")}
    assert {name for name in classes if name and not name.startswith("Q")} == {
        "ctkCollapsibleButton",
        "qMRMLNodeComboBox",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_python_3_9_can_read_it(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))
