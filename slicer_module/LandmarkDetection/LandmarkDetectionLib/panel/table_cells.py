"""Cells of tables that change only where their content does."""

from __future__ import annotations

from typing import Any

import qt

# Heights in pixels; the header's with the frame.
_ROW, _HEADER = 22, 25


def fit_columns(table: Any) -> None:
    """The first column takes what the others leave; rows are as high as text needs."""
    header = table.horizontalHeader()
    header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
    header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
    header.setDefaultAlignment(qt.Qt.AlignLeft)
    table.verticalHeader().setDefaultSectionSize(_ROW)


def set_cell(table: Any, row: int, column: int, text: str, tip: str = "") -> Any:
    """Writes a cell; returns its item."""
    item = table.item(row, column)
    if item is None:
        item = qt.QTableWidgetItem()
        table.setItem(row, column, item)
    if item.text() != text:
        item.setText(text)
    if item.toolTip() != tip:
        item.setToolTip(tip)
    return item


def set_bold(item: Any, bold: bool) -> None:
    """Makes a cell's text bold, or not."""
    font = item.font()
    if font.bold() != bold:
        font.setBold(bold)
        item.setFont(font)


def set_rows(table: Any, count: int) -> None:
    """Makes the table as long as needed."""
    if table.rowCount != count:
        table.setRowCount(count)


def fit_height(table: Any, least: int, most: int) -> None:
    """As high as its rows, within bounds in rows, so that the panel does not scroll in two places."""
    height = _HEADER + _ROW * min(max(table.rowCount, least), most)
    table.setMinimumHeight(height)
    table.setMaximumHeight(height)
