"""The magnifier beside the pointer while a landmark is dragged: single pixels, with a cross at the exact place."""

from __future__ import annotations

from typing import Any

import qt

from ..close_up import CloseUp
from ..view_widget import view_widget
from ..workbench import Workbench

#: Its side, and how far from the pointer it stays, in pixels of the window.
SIDE, DISTANCE = 161, 32
# Half the open middle of the cross.
_GAP = 7


class Magnifier:
    """Shows itself in the slice view as long as the mouse drags a landmark.

    Args:
        bench: the shared state.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._label: Any = None
        bench.listen(self.show)

    def show(self) -> None:
        index = self._bench.scene.dragged
        seen = None if index is None else self._bench.scene.close_up(index, SIDE)
        view = None if seen is None else view_widget()
        if index is None or seen is None or view is None:
            if self._label:
                self._label.setVisible(False)
            return
        if not self._label:
            self._label = qt.QLabel(view)
            self._label.setObjectName("magnifierLabel")
            self._label.setAttribute(qt.Qt.WA_TransparentForMouseEvents)
            self._label.setFixedSize(SIDE, SIDE)
        task = self._bench.session.task
        self._label.setPixmap(draw(seen, "#FFFFFF" if task is None else task.landmarks[index].color))
        size = view.size
        x, y = seen.share[0] * size.width(), seen.share[1] * size.height()
        self._label.move(*corner(x, y, size.width(), size.height()))
        self._label.setVisible(True)

    def close(self) -> None:
        """Takes it away."""
        if self._label:
            self._label.setVisible(False)
            self._label.deleteLater()
        self._label = None


def corner(x: float, y: float, width: float, height: float) -> tuple[int, int]:
    """The left upper corner of the magnifier: right and above of the pointer, or on the sides that have room.

    Args:
        x: of the pointer in the view.
        y: of the pointer in the view.
        width: of the view.
        height: of the view.
    """
    left = x + DISTANCE if x + DISTANCE + SIDE <= width else x - DISTANCE - SIDE
    top = y - DISTANCE - SIDE if y - DISTANCE - SIDE >= 0 else y + DISTANCE
    return round(max(left, 0)), round(min(top, max(height - SIDE, 0)))


def draw(seen: CloseUp, color: str) -> Any:
    """The picture: pixels, a frame, and a cross of the landmark's colour whose middle is the exact place."""
    pixels = qt.QPixmap()
    pixels.loadFromData(seen.ppm, "PPM")
    picture = qt.QPixmap(SIDE, SIDE)
    painter = qt.QPainter(picture)
    painter.drawPixmap(seen.left, seen.top, seen.across * seen.zoom, seen.across * seen.zoom, pixels)
    middle, end = SIDE // 2, SIDE - 1
    for width, paint in ((3, "#000000"), (1, color)):
        pen = qt.QPen(qt.QColor(paint))
        pen.setWidth(width)
        painter.setPen(pen)
        for near, far in ((0, middle - _GAP), (middle + _GAP, end)):
            painter.drawLine(near, middle, far, middle)
            painter.drawLine(middle, near, middle, far)
    painter.setPen(qt.QPen(qt.QColor("#FFFFFF")))
    painter.drawRect(0, 0, end, end)
    painter.end()
    return picture
