"""The panel's tables: whole rows at any font size, and a list of thousands of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from folder_client import FolderClient
from host import install
from LandmarkDetectionLib.server.images import ImageEntry, ImageList, LabelInfo
from panel_driver import Driver
from PySide6 import QtGui, QtWidgets


@pytest.fixture
def set_points() -> Iterator[Callable[[int], None]]:
    """Sets the application's font size in points; the former font comes back."""
    install()
    application = QtWidgets.QApplication.instance()
    before = application.font()

    def change(points: int) -> None:
        font = QtGui.QFont(before)
        font.setPointSize(points)
        application.setFont(font)

    yield change
    application.setFont(before)


@pytest.mark.parametrize("points", [9, 12, 16, 24])
def test_no_row_is_cut(connect: Callable[..., Driver], set_points: Callable[[int], None], points: int) -> None:
    set_points(points)
    client = FolderClient()
    driver = connect(client)
    driver.do("nextSample")
    driver.do("detect")
    driver.host.step(50)
    for table in (driver.ui.landmarkTable, driver.ui.measurementTable):
        rows = table.verticalHeader()
        assert table.rowCount == rows.count() > 0
        assert table.viewport().height() == rows.length(), "all rows show, and nothing else"
        assert table.verticalScrollBar().maximum() == 0
    for table in (driver.ui.landmarkTable, driver.ui.measurementTable, driver.ui.imageTable):
        needed = max(table.sizeHintForRow(row) for row in range(table.rowCount))
        assert table.rowHeight(0) >= max(needed, table.fontMetrics().height() + 4)
        for column in range(1, table.columnCount):
            assert table.columnWidth(column) >= table.sizeHintForColumn(column)


@pytest.mark.parametrize(("count", "rows"), [(1, 3), (7, 7), (30, 19)])
def test_the_height_has_bounds_in_rows(make_panel: Callable[..., Driver], count: int, rows: int) -> None:
    make_panel()
    import qt
    from LandmarkDetectionLib.panel.table_cells import fit_columns, fit_height, set_rows

    table = qt.QTableWidget()
    table.setColumnCount(2)
    table.verticalHeader().setVisible(False)
    fit_columns(table)
    set_rows(table, count)
    fit_height(table, 3, 19)
    table.show()
    QtWidgets.QApplication.processEvents()
    assert table.viewport().height() == rows * table.rowHeight(0)


def entries(count: int, first: str = "Ada") -> tuple[ImageEntry, ...]:
    """Images in all states, by two annotators; every tenth has a flag."""
    found = []
    for number in range(count):
        tag = ("", "draft", "final")[number % 3]
        labels = {tag: LabelInfo(tag, "head", None, (first, "Bob")[number % 2])} if tag else {}
        flags = ("Far from where others put it.",) if number % 10 == 0 else ()
        found.append(ImageEntry(f"image_{number:05}", tag or "unlabeled", f"{number}.png", labels, flags))
    return tuple(found)


class Hints(QtWidgets.QStyledItemDelegate):
    """Counts how often a cell's size is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def sizeHint(self, option: Any, index: Any) -> Any:
        self.count += 1
        return super().sizeHint(option, index)


def list_images(driver: Driver, images: tuple[ImageEntry, ...]) -> int:
    """Shows a list of images; returns how many cells the table was told of."""
    told: list[Any] = []
    table = driver.ui.imageTable
    connection = table.model().dataChanged.connect(lambda first, last, *_: told.append((first.row(), first.column())))
    driver.bench.session.images = ImageList(images, {})
    driver.bench.changed()
    driver.host.step()
    table.model().disconnect(connection)
    return len(told)


def test_a_long_list_is_measured_by_what_it_shows_not_by_its_length(make_panel: Callable[..., Driver]) -> None:
    driver = make_panel()
    table, hints = driver.ui.imageTable, Hints()
    table.setItemDelegate(hints)
    assert list_images(driver, entries(400)) == 1200, "each cell is put into the table once, complete"
    assert table.rowCount == 400
    # Two columns of eight kinds of rows: unlabeled with and without a flag, draft and final by Ada with and without
    # one, and by Bob, whose images have no flag.
    assert hints.count == 16
    header = table.horizontalHeader()
    assert [header.sectionResizeMode(column) for column in range(3)] == [
        QtWidgets.QHeaderView.Stretch,
        QtWidgets.QHeaderView.Fixed,
        QtWidgets.QHeaderView.Fixed,
    ]


def test_only_rows_that_differ_are_written_again(make_panel: Callable[..., Driver]) -> None:
    driver = make_panel()
    images = entries(40)
    list_images(driver, images)
    assert list_images(driver, tuple(replace(entry) for entry in images)) == 0, "the same images, read again"
    changed = replace(images[7], id="another", file_name="7.png")
    assert list_images(driver, (*images[:7], changed, *images[8:])) == 2, "its name and its lamp"
    table = driver.ui.imageTable
    assert [table.item(7, column).text() for column in range(3)] == ["another", "draft", "Bob"]
    assert list_images(driver, images[:5]) == 0
    assert table.rowCount == 5
    assert list_images(driver, images) == 105, "rows that were taken away are new"
    assert [table.item(39, column).text() for column in range(3)] == ["image_00039", "unlabelled", ""]


def test_the_open_image_alone_is_bold(make_panel: Callable[..., Driver]) -> None:
    driver = make_panel(lambda _address, _token: FolderClient())
    driver.connect("http://stand-in")
    table = driver.ui.imageTable

    def bold() -> list[str]:
        items = [table.item(row, 0) for row in range(table.rowCount)]
        return [item.text() for item in items if item.font().bold()]

    assert bold() == []
    driver.open("one")
    assert bold() == ["one"]
    driver.open("three")
    assert bold() == ["three"]
    driver.ui.searchEdit.setText("one")
    assert bold() == []
    driver.ui.searchEdit.setText("")
    assert bold() == ["three"]


def test_the_columns_fit_the_widest_words(make_panel: Callable[..., Driver]) -> None:
    driver = make_panel()
    table = driver.ui.imageTable
    list_images(driver, entries(2000, first="Ada Augusta, Countess of Lovelace"))
    for column in (1, 2):
        widest = max(table.sizeHintForIndex(table.model().index(row, column)).width() for row in range(2000))
        assert table.columnWidth(column) >= widest
    wide = table.columnWidth(2)
    list_images(driver, entries(2000))
    assert table.columnWidth(2) < wide


def test_the_lamps_are_drawn_once(make_panel: Callable[..., Driver]) -> None:
    driver = make_panel()
    table = driver.ui.imageTable
    list_images(driver, entries(60))
    keys = {table.item(row, 1).icon().cacheKey() for row in range(60)}
    assert len(keys) == 4, "three states and the warning"
    flagged, plain = (table.item(row, 1).icon().pixmap(12, 12).toImage() for row in (0, 3))
    assert flagged != plain
    assert table.item(0, 1).toolTip() == "Worth a second look:\nFar from where others put it."
