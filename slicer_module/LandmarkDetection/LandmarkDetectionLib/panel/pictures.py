"""Pictures that are drawn, so that they fit light and dark windows: swatches, lights, bars, the chart of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import qt

from ..words import tr as _

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


_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 46, 20, 20
#: Losses whose lowest is above this part of the highest have an axis that does not begin at zero.
FIT_FROM = 0.4


class Moment(NamedTuple):
    """One point in time of a training; None for an unknown value."""

    epoch: int
    loss: float | None
    val_error: float | None


def draw_chart(size: tuple[int, int], history: Sequence[Moment], max_epochs: int, unit: str, text: str) -> Any:
    """Draws the chart into a picture of (width, height) pixels; ``text`` is the colour of letters and axes."""
    width, height = size
    pixmap = qt.QPixmap(width, height)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    font = qt.QFont(painter.font())
    font.setPixelSize(11)
    painter.setFont(font)
    area = _LEFT, _TOP, width - _RIGHT, height - _BOTTOM
    last = max([max_epochs, 2, *(moment.epoch for moment in history)])
    _chart_axes(painter, area, last, text)
    error_words = _("validation error ({unit})").format(unit=unit) if unit else _("validation error")
    _series(painter, area, last, [(m.epoch, m.loss) for m in history], ACTIVE, _("loss"), left=True)
    _series(painter, area, last, [(m.epoch, m.val_error) for m in history], FAIR, error_words, left=False)
    painter.end()
    return pixmap


def _chart_axes(painter: Any, area: tuple[int, int, int, int], last: int, text: str) -> None:
    left, top, right, bottom = area
    faint = qt.QColor(text)
    faint.setAlpha(60)
    painter.setPen(qt.QPen(faint))
    for step in range(3):
        y = top + (bottom - top) * step // 2
        painter.drawLine(left, y, right, y)
    painter.setPen(qt.QPen(qt.QColor(text)))
    painter.drawLine(left, bottom, right, bottom)
    _write(painter, left - 20, bottom + 3, 40, "1", qt.Qt.AlignHCenter)
    _write(painter, right - 20, bottom + 3, 40, str(last), qt.Qt.AlignHCenter)
    _write(painter, (left + right) // 2 - 40, bottom + 3, 80, _("epoch"), qt.Qt.AlignHCenter)


def _series(
    painter: Any,
    area: tuple[int, int, int, int],
    last: int,
    points: Sequence[tuple[int, float | None]],
    color: str,
    words: str,
    left: bool,
) -> None:
    x0, top, x1, bottom = area
    painter.setPen(qt.QPen(qt.QColor(color)))
    align = qt.Qt.AlignLeft if left else qt.Qt.AlignRight
    _write(painter, x0 if left else (x0 + x1) // 2 - 40, 2, (x1 - x0) // 2 + (0 if left else 40), words, align)
    known = [(epoch, value) for epoch, value in points if value is not None]
    if not known:
        return
    highest = max(value for _epoch, value in known) or 1.0
    lowest = _axis_start([value for _epoch, value in known]) if left else 0.0
    for share in (0.0, 1.0):
        label, y = _figure(lowest + (highest - lowest) * share), round(bottom - (bottom - top) * share) - 8
        _write(painter, 0 if left else x1 + 4, y, _LEFT - 4, label, qt.Qt.AlignRight if left else qt.Qt.AlignLeft)
    places = [
        (
            round(x0 + (x1 - x0) * (epoch - 1) / max(last - 1, 1)),
            round(bottom - (bottom - top) * min((value - lowest) / (highest - lowest), 1.0)),
        )
        for epoch, value in known
    ]
    pen = qt.QPen(qt.QColor(color))
    pen.setWidth(2)
    painter.setPen(pen)
    for (ax, ay), (bx, by) in zip(places, places[1:]):
        painter.drawLine(ax, ay, bx, by)
    painter.setBrush(qt.QBrush(qt.QColor(color)))
    x, y = places[-1]
    painter.drawEllipse(x - 2, y - 2, 4, 4)


def _axis_start(losses: Sequence[float]) -> float:
    """Start of the axis of losses: zero, or the lowest loss if all are far from zero and the curve is flat."""
    lowest, highest = min(losses), max(losses)
    return lowest if FIT_FROM * highest < lowest < highest else 0.0


def _write(painter: Any, x: int, y: int, width: int, words: str, align: Any) -> None:
    painter.drawText(qt.QRect(int(x), int(y), int(width), 16), int(align) | int(qt.Qt.AlignVCenter), words)


def _figure(value: float) -> str:
    return "0" if value == 0 else f"{value:.3g}"
