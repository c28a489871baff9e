"""A table of words and numbers, for the terminal, as Markdown, as CSV and (in :mod:`monai_ext.reports`) as HTML."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.table import Table as RichTable
from rich.text import Text

#: Stands where there is no number.
DASH = "–"


def rounded(value: float | None, digits: int) -> str:
    """A number with so many digits behind the point; a dash for NaN and None."""
    return DASH if value is None or math.isnan(value) else f"{value:.{digits}f}"


def counted(value: int | None) -> str:
    """A count; a dash for None."""
    return DASH if value is None else str(value)


def significant(value: float) -> str:
    """A number with three significant digits, or all of those before the point; nothing for NaN.

    Examples:
        >>> significant(3.58457), significant(0.0123456), significant(1234.5)
        ('3.58', '0.0123', '1234')
    """
    if math.isnan(value):
        return ""
    power = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, 2 - power)}f}"


def readable_date(stamp: str) -> str:
    """The ISO 8601 time of a document as a person reads it, to the minute; anything else as it is.

    Examples:
        >>> readable_date("2026-01-02T03:04:05+00:00")
        '2026-01-02 03:04 UTC'
    """
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    if ":" not in stamp:  # a day alone
        return stamp
    zone = "" if time.tzinfo is None else " UTC"
    return f"{time.astimezone(timezone.utc) if zone else time:%Y-%m-%d %H:%M}{zone}"


def percent(value: float | None, digits: int = 2) -> str:
    """A share from 0 to 1 in percent; a dash for NaN and None."""
    return DASH if value is None or math.isnan(value) else f"{100 * value:.{digits}f} %"


def with_spread(mean: float, sd: float, digits: int, factor: float = 1.0) -> str:
    """A mean ± standard deviation, without the latter where it is NaN; a dash where the mean is."""
    text = rounded(factor * mean, digits)
    return text if math.isnan(mean) or math.isnan(sd) else f"{text} ± {rounded(factor * sd, digits)}"


def escaped(cell: str) -> str:
    """A cell that Markdown does not take for two."""
    return cell.replace("|", "\\|")


@dataclass(frozen=True)
class Table:
    """A table whose first columns hold words and the others numbers.

    Attributes:
        headings: of the columns; none for a list of names and values.
        rows: as many cells each.
        title: above it on a terminal.
        caption: a sentence above it on a page, below it on a terminal.
        left: columns set flush left; None for all.
        strong: indices of rows that sum up the others.
        best: (row, column) of cells in bold.
        rules: indices of rows with a line above them on a terminal.
        wraps: columns that may take several lines on a terminal; None for all but those flush left.
        dense: little space between columns on a terminal.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    caption: str = ""
    left: int | None = 1
    strong: Collection[int] = ()
    best: Collection[tuple[int, int]] = ()
    rules: Collection[int] = ()
    wraps: Collection[int] | None = ()
    dense: bool = False

    def is_left(self, column: int) -> bool:
        """True where a column, counted from 0, is set flush left."""
        return self.left is None or column < self.left

    def __rich__(self) -> RichTable:
        """The table for a terminal."""
        table = RichTable(
            title=Text(self.title, style="table.title") if self.title else None,
            title_justify="left",
            caption=self.caption or None,
            caption_justify="left",
            box=SIMPLE_HEAD if self.headings else HEAVY_HEAD,
            show_header=bool(self.headings),
            pad_edge=not self.headings,
            collapse_padding=self.dense,
        )
        for column, heading in enumerate(self.headings or self.rows[0]):
            wraps = not self.is_left(column) if self.wraps is None else column in self.wraps
            table.add_column(
                Text(heading) if self.headings else "",
                justify="left" if self.is_left(column) else "right",
                no_wrap=not wraps,
                overflow="fold" if wraps else "ellipsis",
            )
        for i, row in enumerate(self.rows):
            if i in self.rules:
                table.add_section()
            cells = [Text(cell, style="bold" if (i, k) in self.best else "") for k, cell in enumerate(row)]
            table.add_row(*cells, style="bold" if i in self.strong else None)
        return table

    def markdown(self, *, gap: str = " ", word: Callable[[str], str] = escaped) -> str:
        """The table in Markdown, without its caption.

        Args:
            gap: beside the marks of alignment.
            word: makes a cell one that Markdown takes literally.
        """
        marks = (":--" if self.is_left(column) else "--:" for column in range(len(self.headings)))
        body = [
            [f"**{word(cell)}**" if (i, k) in self.best else word(cell) for k, cell in enumerate(row)]
            for i, row in enumerate(self.rows)
        ]
        lines = ["| " + " | ".join(cells) + " |" for cells in ([word(h) for h in self.headings], *body)]
        lines.insert(1, "|" + "|".join(f"{gap}{mark}{gap}" for mark in marks) + "|")
        return "\n".join(lines)

    def csv(self) -> str:
        """Headings and rows as comma-separated values."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([self.headings, *self.rows])
        return text.getvalue()
