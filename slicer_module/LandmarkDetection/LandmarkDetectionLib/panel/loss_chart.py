"""A small line chart of a training: loss on the left axis, validation error on the right one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import qt

from ..words import tr as _
from .pictures import ACTIVE, FAIR

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 46, 20, 20


class Moment(NamedTuple):
    """One point in time of a training; None where a value is not known."""

    epoch: int
    loss: float | None
    val_error: float | None


def draw_chart(size: tuple[int, int], history: Sequence[Moment], max_epochs: int, unit: str, text: str) -> Any:
    """A picture of the chart.

    Args:
        size: width and height in pixels.
        history: moments by epoch.
        max_epochs: where the horizontal axis ends.
        unit: of the validation error.
        text: colour of letters and axes, ``#RRGGBB``.
    """
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
    _axes(painter, area, last, text)
    error_words = _("validation error ({unit})").format(unit=unit) if unit else _("validation error")
    _series(painter, area, last, [(m.epoch, m.loss) for m in history], ACTIVE, _("loss"), left=True)
    _series(painter, area, last, [(m.epoch, m.val_error) for m in history], FAIR, error_words, left=False)
    painter.end()
    return pixmap


def _axes(painter: Any, area: tuple[int, int, int, int], last: int, text: str) -> None:
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
    for share in (0.0, 1.0):
        label, y = _number(highest * share), round(bottom - (bottom - top) * share) - 8
        _write(painter, 0 if left else x1 + 4, y, _LEFT - 4, label, qt.Qt.AlignRight if left else qt.Qt.AlignLeft)
    places = [
        (
            round(x0 + (x1 - x0) * (epoch - 1) / max(last - 1, 1)),
            round(bottom - (bottom - top) * min(value / highest, 1.0)),
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


def _write(painter: Any, x: int, y: int, width: int, words: str, align: Any) -> None:
    painter.drawText(qt.QRect(int(x), int(y), int(width), 16), int(align) | int(qt.Qt.AlignVCenter), words)


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.3g}"
