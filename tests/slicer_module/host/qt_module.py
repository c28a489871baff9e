"""The module ``qt`` as Slicer's Python has it: Qt in one flat name space, with properties as attributes (PythonQt)."""

from __future__ import annotations

import types
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

#: Names handed through as they are.
PLAIN = (
    "QAbstractItemView", "QApplication", "QBrush", "QColor", "QDir", "QFile", "QFont", "QIcon", "QImage",
    "QKeySequence", "QObject", "QPainter", "QPalette", "QPen", "QPixmap", "QRect", "QSettings", "QTableWidgetItem",
    "QTimer", "Qt",
)  # fmt: skip
#: Widgets, and what else has properties that are read.
WITH_PROPERTIES = (
    "QCheckBox", "QComboBox", "QDialog", "QFrame", "QHeaderView", "QLabel", "QLineEdit", "QProgressBar", "QPushButton",
    "QShortcut", "QSpinBox", "QTableWidget", "QWidget",
)  # fmt: skip
LAYOUTS = ("QHBoxLayout", "QVBoxLayout")
#: Properties that C++ asks for by a virtual function of the same name.
_VIRTUAL = {"sizeHint", "minimumSizeHint", "objectName"}


def make_module() -> types.ModuleType:
    """The module; nothing is in it but the names above and ``QUiLoader``."""
    module = types.ModuleType("qt", "Stand-in for Slicer's qt.")
    for name in (*PLAIN, *LAYOUTS):
        setattr(module, name, _find(name))
    for name in WITH_PROPERTIES:
        setattr(module, name, like_pythonqt(_find(name)))
    module.QUiLoader = UiLoader  # type: ignore[attr-defined]
    UiLoader.classes.update({name: getattr(module, name) for name in (*WITH_PROPERTIES,)})
    return module


def _find(name: str) -> Any:
    for room in (QtCore, QtGui, QtWidgets):
        if hasattr(room, name):
            return getattr(room, name)
    raise AttributeError(name)


def like_pythonqt(cls: Any) -> Any:
    """A subclass whose Qt properties are attributes: ``box.value``, where PySide has ``box.value()``.

    So a call that works in PySide alone fails here as it would in Slicer.
    """
    names: dict[str, Any] = {"name": _attribute("objectName"), "objectName": _attribute("objectName")}
    meta = cls.staticMetaObject
    for index in range(meta.propertyCount()):
        name = meta.property(index).name()
        if name not in _VIRTUAL:
            names[name] = _attribute(name)
    if hasattr(cls, "exec"):
        names["exec_"] = cls.exec
    names["className"] = lambda self: self.metaObject().className()
    return type(cls.__name__, (cls,), names)


def _attribute(name: str) -> property:
    def write(self: Any, value: Any) -> None:
        if not self.setProperty(name, value):
            raise AttributeError(f"{name} of {type(self).__name__} takes no {value!r}")

    return property(lambda self: self.property(name), write)


class UiLoader(QtUiTools.QUiLoader):
    """Makes the widgets of a ``.ui`` file with the classes of the stand-ins."""

    #: Classes by name; the other stand-ins add theirs.
    classes: dict[str, Any] = {}  # noqa: RUF012

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        cls = self.classes.get(class_name)
        if cls is None:
            if class_name.startswith(("ctk", "qMRML", "qSlicer")):
                raise LookupError(f"There is no stand-in for {class_name}.")
            return super().createWidget(class_name, parent, name)
        widget = cls(parent)
        widget.setObjectName(name)
        return widget


def valid(widget: Any) -> bool:
    """Whether the C++ half of an object still lives."""
    return bool(shiboken6.isValid(widget))
