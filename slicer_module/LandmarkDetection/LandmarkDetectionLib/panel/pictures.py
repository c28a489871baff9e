"""Small pictures that are drawn, so that they fit light and dark windows: swatches, lights, bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

#: Colours that people with any colour vision tell apart (Okabe and Ito, https://jfly.uni-koeln.de/color/), darkened or
#: lightened until they stand out from light and dark windows.
GOOD, FAIR, POOR, ACTIVE, IDLE = "#12966F", "#D98E04", "#D1493F", "#2F7FC1", "#8A8A8A"

#: Below the first a confidence is poor, below the second fair.
CONFIDENCE_STEPS = (0.4, 0.7)
BAR_SIZE = (40, 10)


def confidence_color(confidence: float) -> str:
    """The colour of a confidence in [0, 1]."""
    poor, fair = CONFIDENCE_STEPS
    return POOR if confidence < poor else FAIR if confidence < fair else GOOD


def light(color: str, size: int = 12) -> Any:
    """A round lamp."""
    pixmap, painter = _canvas(size, size)
    painter.setPen(qt.QPen(qt.QColor(color).darker(130)))
    painter.setBrush(qt.QBrush(qt.QColor(color)))
    painter.drawEllipse(1, 1, size - 3, size - 3)
    painter.end()
    return pixmap


def swatch(color: str, size: int = 12) -> Any:
    """A square of a landmark's colour, with a dark and a light edge, to stand out from any row."""
    pixmap, painter = _canvas(size, size)
    painter.fillRect(0, 0, size, size, qt.QColor("#FFFFFF"))
    painter.fillRect(1, 1, size - 2, size - 2, qt.QColor(color).darker(220))
    painter.fillRect(2, 2, size - 4, size - 4, qt.QColor(color))
    painter.end()
    return pixmap


def confidence_bar(confidence: float) -> Any:
    """A bar that is filled as far as the confidence goes."""
    width, height = BAR_SIZE
    pixmap, painter = _canvas(width, height)
    painter.fillRect(0, 0, width, height, qt.QColor("#FFFFFF"))
    painter.fillRect(1, 1, width - 2, height - 2, qt.QColor("#C8C8C8"))
    filled = round((width - 2) * min(max(confidence, 0.0), 1.0))
    painter.fillRect(1, 1, filled, height - 2, qt.QColor(confidence_color(confidence)))
    painter.end()
    return pixmap


def sign(kind: str, size: int = 16) -> Any:
    """The sign in front of a message: ``error``, ``warning``, ``info`` or ``busy``."""
    color = {"error": POOR, "warning": FAIR, "info": ACTIVE, "busy": ACTIVE}.get(kind, IDLE)
    letter = {"error": "!", "warning": "!", "info": "i"}.get(kind, "")
    pixmap, painter = _canvas(size, size)
    painter.setPen(qt.QPen(qt.QColor(color)))
    painter.setBrush(qt.QBrush(qt.QColor(color)))
    painter.drawEllipse(0, 0, size - 1, size - 1)
    if letter:
        font = qt.QFont(painter.font())
        font.setBold(True)
        font.setPixelSize(size - 5)
        painter.setFont(font)
        painter.setPen(qt.QPen(qt.QColor("#FFFFFF")))
        painter.drawText(qt.QRect(0, 0, size, size), int(qt.Qt.AlignCenter), letter)
    painter.end()
    return pixmap


class Icons:
    """Icons that are drawn once, however many cells show them."""

    def __init__(self) -> None:
        self._drawn: dict[Any, Any] = {}

    def get(self, draw: Callable[..., Any], *arguments: Any) -> Any:
        """The icon of ``draw(*arguments)``."""
        key = draw, arguments
        if key not in self._drawn:
            self._drawn[key] = icon(draw(*arguments))
        return self._drawn[key]


def icon(pixmap: Any) -> Any:
    """An icon that keeps its colours in a selected row."""
    made = qt.QIcon()
    made.addPixmap(pixmap, qt.QIcon.Normal)
    made.addPixmap(pixmap, qt.QIcon.Selected)
    return made


def _canvas(width: int, height: int) -> tuple[Any, Any]:
    pixmap = qt.QPixmap(width, height)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    return pixmap, painter
