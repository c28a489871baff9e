"""napari points layers as CSV (``index,axis-0,axis-1``): one file per image, named after it.

Origin: the centre of the top-left pixel, at whole numbers (napari's guide, "Coordinate systems in napari"). axis-0 is
the row and axis-1 the column. The name of an image is the file's without extension: an ID.

Names stand in a column ``label`` (or ``name``, ``landmark``), as napari writes a feature of that name; without one the
points are named in order. napari drops points without a place: undefined.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai_ext.landmarks import ImagePoints, InputError, PointsTable, Status

from .files import csv_text, files_of, named_files, read_rows, write_files
from .format import Format, FrameOf, Sample
from .gather import Gatherer, Numbering

_AXES = ("axis-0", "axis-1")
_NAME_COLUMNS = ("label", "name", "landmark")


def recognises(sample: Sample) -> bool:
    """A table with the columns axis-0 and axis-1 that is no shapes layer, or a folder with such tables."""
    headers = (set(item.header[0]) if item.header else set() for item in sample.inside(".csv"))
    return any(set(_AXES) <= header and "vertex-index" not in header for header in headers)


def read(path: Path, names: Sequence[str] | None, frames: FrameOf) -> PointsTable:
    """Reads one CSV file, or all CSV files of a folder.

    Raises:
        InputError: points in a stack of images (more than two axes), names in some files only, or a malformed row.
    """
    tables = {file: read_rows(file, _AXES).rows for file in files_of(path, ".csv")}
    columns = {next((column for column in _NAME_COLUMNS if column in rows[0][1]), None) for rows in tables.values()}
    if len(columns) > 1:
        raise InputError(f"{path}: the names are in different columns of its files; use the same columns in all.")
    column = columns.pop()
    gathered, numbering = Gatherer(path, names if column else None), Numbering(names)
    for file, ((first, header), *body) in tables.items():
        axes = [column for column in header if column.startswith("axis-")]
        if axes != list(_AXES):
            found = ", ".join(axes) or "none"
            raise InputError(f"{first}: the points have the axes {found}; an image has axis-0 and axis-1.")
        labels = numbering.names(len(body), str(file)) if column is None else [r[header.index(column)] for _, r in body]
        y, x = (header.index(axis) for axis in _AXES)
        image = file.stem
        gathered.image(image, None, str(file))
        for label, (where, row) in zip(labels, body, strict=True):
            gathered.point(where, image, label, (row[x], row[y]))
    return gathered.table()


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes a folder with one CSV file per image, with the names in the column ``label``."""
    write_files(path, {file: _text(table.images[image]) for file, image in named_files(table.images, ".csv").items()})


def _text(entry: ImagePoints) -> str:
    placed = [(name, point) for name, point in entry.points.items() if point.status is Status.DEFINED]
    rows = [[index, repr(point.y), repr(point.x), name] for index, (name, point) in enumerate(placed)]
    return csv_text([["index", *_AXES, _NAME_COLUMNS[0]], *rows])


FORMAT = Format(
    name="napari",
    title="napari points (a folder with one CSV per image)",
    extension=".csv",
    folder=True,
    recognises=recognises,
    read=read,
    write=write,
    centre=0.0,
    holds=frozenset({"names", "undefined", "images without points"}),
)
