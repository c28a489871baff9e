# ruff: noqa: N801, N815 - names of CTK and Slicer
"""The widgets of CTK and of Slicer that the module uses, in plain Qt."""

from __future__ import annotations

import types
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .qt_module import UiLoader, like_pythonqt

_Button = like_pythonqt(QtWidgets.QPushButton)
_Combo = like_pythonqt(QtWidgets.QComboBox)
_Widget = like_pythonqt(QtWidgets.QWidget)


class ctkCollapsibleButton(_Widget):
    """A titled section that folds. ``setCollapsed`` is a plain method in C++, so Python has the property alone."""

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._title = QtWidgets.QToolButton(self)
        self._title.setToolButtonStyle(QtCore.Qt.ToolButtonTextBesideIcon)
        self._title.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        self._title.setFixedHeight(_TITLE)
        self._title.clicked.connect(lambda *_: self._collapse(not self._collapsed))
        self.setContentsMargins(0, _TITLE, 0, 0)
        self._collapsed = False
        #: Children that were hidden on purpose when it was folded; CTK remembers them too (visibilityToParent).
        self._hidden: set[Any] = set()
        self._show()

    text = QtCore.Property(str, lambda self: self._title.text(), lambda self, text: self._title.setText(text))

    def _collapse(self, collapsed: bool) -> None:
        changed = collapsed != self._collapsed
        if changed and collapsed:
            children = self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly)
            self._hidden = {child for child in children if child.isHidden()}
        self._collapsed = collapsed
        self._show()
        if changed:
            self.contentsCollapsed.emit(collapsed)

    collapsed = QtCore.Property(bool, lambda self: self._collapsed, _collapse)

    def _show(self) -> None:
        self._title.setArrowType(QtCore.Qt.RightArrow if self._collapsed else QtCore.Qt.DownArrow)
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
            if child is not self._title:
                child.setVisible(not self._collapsed and child not in self._hidden)
        self.setMaximumHeight(_TITLE if self._collapsed else 16777215)
        self.updateGeometry()

    def childEvent(self, event: Any) -> None:
        if self.__dict__.get("_collapsed") and event.type() == QtCore.QEvent.ChildPolished:
            self._show()
        super().childEvent(event)

    def resizeEvent(self, event: Any) -> None:
        self._title.setGeometry(0, 0, QtWidgets.QWidget.width(self), _TITLE)
        super().resizeEvent(event)


_TITLE = 26


class qMRMLWidget(_Widget):
    """A widget that knows the scene."""

    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        return self._scene


class qMRMLNodeComboBox(_Combo):
    """A list of the scene's nodes of one class."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._observers: list[int] = []
        self._class = ["vtkMRMLScalarVolumeNode"]

    nodeTypes = QtCore.Property(
        "QStringList", lambda self: self._class, lambda self, value: setattr(self, "_class", value)
    )
    noneEnabled = QtCore.Property(bool, lambda self: True, lambda self, value: None)
    addEnabled = QtCore.Property(bool, lambda self: False, lambda self, value: None)
    removeEnabled = QtCore.Property(bool, lambda self: False, lambda self, value: None)
    renameEnabled = QtCore.Property(bool, lambda self: False, lambda self, value: None)

    def setMRMLScene(self, scene: Any) -> None:
        for tag in self._observers:
            self._scene.RemoveObserver(tag)
        self._scene, self._observers = scene, []
        if scene is not None:
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent):
                self._observers.append(scene.AddObserver(event, lambda *_: self._fill()))
        self._fill()

    def _fill(self) -> None:
        node = self.currentNode()
        self.blockSignals(True)
        self.clear()
        self.addItem("None", None)
        count = 0 if self._scene is None else self._scene.GetNumberOfNodesByClass(self._class[0])
        for index in range(count):
            found = self._scene.GetNthNodeByClass(index, self._class[0])
            self.addItem(found.GetName(), found.GetID())
        self.blockSignals(False)
        self.setCurrentNode(node)

    def currentNode(self) -> Any:
        identifier = self.currentData
        return None if self._scene is None or not identifier else self._scene.GetNodeByID(identifier)

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentIndex(max(0, self.findData("" if node is None else node.GetID())))


def install_widgets() -> types.ModuleType:
    """Puts Slicer's widgets into ``slicer`` and returns the module ``ctk``."""
    module = types.ModuleType("ctk", "Stand-in for Slicer's ctk.")
    module.ctkCollapsibleButton = ctkCollapsibleButton  # type: ignore[attr-defined]
    slicer.qMRMLWidget, slicer.qMRMLNodeComboBox = qMRMLWidget, qMRMLNodeComboBox
    UiLoader.classes.update({cls.__name__: cls for cls in (ctkCollapsibleButton, qMRMLWidget, qMRMLNodeComboBox)})
    return module
