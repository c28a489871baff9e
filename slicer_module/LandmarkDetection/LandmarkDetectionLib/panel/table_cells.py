"""Cells of tables that change only where their content does, and their sizes, which follow the font."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import qt

#: Pixels between the lines of two rows, in all: what 22 pixels leave at 9 points.
_PADDING = 7


def fit_columns(table: Any) -> None:
    """Lets the first column take what the others leave; :func:`fit_widths` sets theirs.

    Qt would measure a column again for each cell that changes (``ResizeToContents``), which takes minutes for
    thousands of rows.
    """
    header = table.horizontalHeader()
    header.setSectionResizeMode(qt.QHeaderView.Fixed)
    header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
    header.setDefaultAlignment(qt.Qt.AlignLeft)
    fit_widths(table, ())


def fit_widths(table: Any, rows: Iterable[int]) -> None:
    """Makes each column but the first as wide as its title and its cells in some rows."""
    header, model, measured = table.horizontalHeader(), table.model(), list(rows)
    for column in range(1, table.columnCount):
        widths = [table.sizeHintForIndex(model.index(row, column)).width() for row in measured]
        header.resizeSection(column, max([header.sectionSizeHint(column), *(width + 1 for width in widths)]))


def set_cell(table: Any, row: int, column: int, text: str, tip: str = "", picture: Any = None) -> Any:
    """Writes a cell; returns its item."""
    item = table.item(row, column)
    new = item is None
    if new:
        item = qt.QTableWidgetItem()
    if item.text() != text:
        item.setText(text)
    if item.toolTip() != tip:
        item.setToolTip(tip)
    if picture is not None:
        item.setIcon(picture)
    if new:  # the table hears of a complete item once
        table.setItem(row, column, item)
    return item


def set_bold(item: Any, bold: bool) -> None:
    """Makes a cell's text bold, or not."""
    font = item.font()
    if font.bold() != bold:
        font.setBold(bold)
        item.setFont(font)


def set_rows(table: Any, count: int) -> None:
    """Makes the table as long as needed, with rows as high as its font needs."""
    header, height = table.verticalHeader(), table.fontMetrics().height() + _PADDING
    if header.defaultSectionSize != height:
        header.setDefaultSectionSize(height)
    if table.rowCount != count:
        table.setRowCount(count)


def fit_height(table: Any, least: int, most: int) -> None:
    """Makes the table as high as its rows, within bounds in rows, so that the panel does not scroll in two places."""
    rows = table.verticalHeader()
    # PythonQt has the hint as an attribute, other bindings as a method; all have it as a property.
    title = table.horizontalHeader().property("sizeHint").height()
    row = rows.defaultSectionSize
    height = title + min(max(rows.length(), row * least), row * most) + 2 * table.frameWidth
    table.setMinimumHeight(height)
    table.setMaximumHeight(height)
