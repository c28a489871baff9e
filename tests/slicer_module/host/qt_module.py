"""The module ``qt`` as Slicer's Python has it: Qt in one flat name space, with PythonQt's properties and signals."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

#: Names handed through as they are.
PLAIN = (
    "QAbstractItemView", "QApplication", "QBrush", "QColor", "QDir", "QFile", "QFont", "QIcon", "QImage",
    "QKeySequence", "QObject", "QPainter", "QPalette", "QPen", "QPixmap", "QRect", "QSettings", "QTableWidgetItem",
    "Qt",
)  # fmt: skip
#: Widgets, and what else has properties that are read.
WITH_PROPERTIES = (
    "QCheckBox", "QComboBox", "QDialog", "QFrame", "QHeaderView", "QLabel", "QLineEdit", "QProgressBar", "QPushButton",
    "QScrollArea", "QShortcut", "QSpinBox", "QTableWidget", "QTimer", "QWidget",
)  # fmt: skip
LAYOUTS = ("QHBoxLayout", "QVBoxLayout")
#: Properties that C++ asks for by a virtual function of the same name, and the one that PythonQt leaves to a method.
_VIRTUAL = {"sizeHint", "minimumSizeHint", "objectName", "singleShot"}


def make_module() -> types.ModuleType:
    """The module; nothing is in it but the names above and ``QUiLoader``."""
    module = types.ModuleType("qt", "Stand-in for Slicer's qt.")
    for name in (*PLAIN, *LAYOUTS):
        setattr(module, name, _find(name))
    for name in WITH_PROPERTIES:
        setattr(module, name, like_pythonqt(_find(name)))
    module.QTableWidget = with_headers(module.QTableWidget, module.QHeaderView)  # type: ignore[attr-defined]
    module.QUiLoader = UiLoader  # type: ignore[attr-defined]
    module.QFileDialog = FileDialog  # type: ignore[attr-defined]
    UiLoader.classes.update({name: getattr(module, name) for name in (*WITH_PROPERTIES,)})
    return module


def _find(name: str) -> Any:
    for room in (QtCore, QtGui, QtWidgets):
        if hasattr(room, name):
            return getattr(room, name)
    raise AttributeError(name)


def like_pythonqt(cls: Any) -> Any:
    """A subclass as PythonQt would wrap it, so that what works in PySide alone fails here as it would in Slicer.

    Its Qt properties are attributes, ``box.value``, where PySide has ``box.value()``; its signals are :class:`Signal`;
    and it is false once Qt has deleted the object.
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
    names["__bool__"] = valid

    def read(self: Any, name: str) -> Any:
        found = cls.__getattribute__(self, name)
        return Signal(self, found, name) if isinstance(found, QtCore.SignalInstance) else found

    names["__getattribute__"] = read
    return type(cls.__name__, (cls,), names)


def with_headers(table: Any, header: Any) -> Any:
    """A table whose headers, which Qt makes, are stand-ins too."""

    def make(self: Any, *arguments: Any) -> None:
        table.__init__(self, *arguments)
        for place, orientation in (("Horizontal", QtCore.Qt.Horizontal), ("Vertical", QtCore.Qt.Vertical)):
            own = header(orientation, self)
            own.setSectionsClickable(True)
            own.setHighlightSections(True)
            getattr(self, f"set{place}Header")(own)

    return type(table.__name__, (table,), {"__init__": make})


class Signal:
    """A signal of an object: its receiver is a child of the object in C++, and holds what it calls.

    PySide holds the object of a bound method weakly; PythonQt does not, and Python's collector sees nothing of it.

    Args:
        sender: whose signal it is.
        signal: as PySide has it.
        name: the signal's.
    """

    def __init__(self, sender: Any, signal: Any, name: str) -> None:
        self._sender, self._signal, self._name = sender, signal, name

    def connect(self, function: Callable[..., object]) -> bool:
        def receive(*arguments: Any) -> None:
            function(*arguments)

        receive.signal, receive.function = self._name, function  # type: ignore[attr-defined]
        self._receivers().append(weakref.ref(receive))
        self._signal.connect(receive)
        return True

    def disconnect(self, function: Callable[..., object]) -> bool:
        """Whether the function was connected."""
        for reference in self._receivers():
            receive = reference()
            if receive is not None and (receive.signal, receive.function) == (self._name, function):
                self._receivers().remove(reference)
                return bool(self._signal.disconnect(receive))
        return False

    def emit(self, *arguments: Any) -> None:
        self._signal.emit(*arguments)

    def _receivers(self) -> list[Any]:
        return self._sender.__dict__.setdefault("_receivers", [])


def _attribute(name: str) -> property:
    def write(self: Any, value: Any) -> None:
        if not self.setProperty(name, value):
            raise AttributeError(f"{name} of {type(self).__name__} takes no {value!r}")

    return property(lambda self: self.property(name), write)


class FileDialog:
    """Asks for a path; a static function returns it alone, as PythonQt does where a pointer was left out."""

    @staticmethod
    def getSaveFileName(parent: Any, caption: str, folder: str, filters: str) -> str:
        return QtWidgets.QFileDialog.getSaveFileName(parent, caption, folder, filters)[0]


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
