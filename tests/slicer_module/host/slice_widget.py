"""The Red slice view as a Qt widget: shows what VTK renders, hands Qt's mouse events to VTK."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .qt_module import like_pythonqt

_Widget = like_pythonqt(QtWidgets.QWidget)


class qMRMLSliceWidget(_Widget):  # noqa: N801 - Slicer's name
    """The view with its controller bar, which is left out here.

    Args:
        view: the widget of the view.
    """

    def __init__(self, view: SliceWidget) -> None:
        super().__init__()
        self._view = view
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        self.setFixedSize(view.size)

    def sliceView(self) -> SliceWidget:
        return self._view


class SliceWidget(_Widget):
    """A picture that is rendered anew when asked.

    Args:
        view: the offscreen slice view; the widget has its size.
    """

    def __init__(self, view: Any) -> None:
        super().__init__()
        self._view = view
        self.setFixedSize(*view.size)
        self.setMouseTracking(True)
        self.setFocusPolicy(QtCore.Qt.StrongFocus)

    def paintEvent(self, _event: Any) -> None:
        pixels = self._view.picture()
        height, width, _ = pixels.shape
        image = QtGui.QImage(pixels.tobytes(), width, height, 3 * width, QtGui.QImage.Format_RGB888)
        painter = QtGui.QPainter(self)
        painter.drawImage(0, 0, image)
        painter.end()

    def enterEvent(self, event: Any) -> None:
        self._pass("EnterEvent", event.position())

    def mouseMoveEvent(self, event: Any) -> None:
        self._pass("MouseMoveEvent", event.position())

    def mousePressEvent(self, event: Any) -> None:
        self._pass(f"{_BUTTONS[event.button()]}ButtonPressEvent", event.position())

    def mouseReleaseEvent(self, event: Any) -> None:
        self._pass(f"{_BUTTONS[event.button()]}ButtonReleaseEvent", event.position())

    def _pass(self, name: str, position: Any) -> None:
        self._view._event(name, position.x(), position.y())
        self.update()


_BUTTONS = {
    QtCore.Qt.LeftButton: "Left",
    QtCore.Qt.RightButton: "Right",
    QtCore.Qt.MiddleButton: "Middle",
}
