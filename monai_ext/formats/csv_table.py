"""The project's own CSV table: one row per landmark of an image.

(0, 0) is the centre of the top-left pixel. Read and written by :mod:`monai_ext.landmarks.tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_ext.landmarks.tables import REQUIRED_COLUMNS, PointsTable, read_points_table, write_points_table

from .format import Format, FrameOf
from .sample import Sample


def recognises(sample: Sample) -> bool:
    """A table whose first line names an image and a landmark; where x or y is absent, reading it says so."""
    columns = {column.casefold() for column in sample.header[0]} if sample.header else set()
    return set(REQUIRED_COLUMNS[:2]) <= columns


def read(path: Path, names: Sequence[str] | None, frames: FrameOf, **options: Any) -> PointsTable:
    """The table of a CSV file."""
    return read_points_table(path, names, **options)


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes the CSV file."""
    write_points_table(path, table)


FORMAT = Format(
    name="csv",
    title="CSV, one row per landmark (image,landmark,x,y)",
    extension=".csv",
    recognises=recognises,
    read=read,
    write=write,
    centre=0.0,
    holds=frozenset({"names", "missing", "undefined", "images without points", "sizes", "splits", "pixel sizes"}),
)
