"""CSV tables: the project's own, one row per landmark, and wide ones, one row per image.

Origin of both: the centre of the top-left pixel. :mod:`monai_ext.landmarks.tables` reads and writes the first.

A wide table has the columns ``NAME_x`` and ``NAME_y``, as in Kaggle's competitions. No program defines this layout; the
published notebooks draw such points with matplotlib's ``imshow``, which centres pixels at whole numbers.

The image stands in a column ``image`` (or ``file``, ``filename``, ``name``, ``id``). An empty cell is undefined.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from monai_ext.landmarks import (
    REQUIRED_COLUMNS,
    InputError,
    PointsTable,
    Status,
    read_points_table,
    write_atomically,
    write_points_table,
)

from .files import csv_text, read_rows
from .format import Format, FrameOf, Part, Sample
from .gather import Gatherer

_IMAGE_COLUMNS = frozenset(
    {"image", "file", "filename", "file_name", "image_name", "image_id", "image_path", "path", "name", "id"}
)
_COORDINATE = re.compile(r"(?P<name>.+)[_. -](?P<axis>[xy])", re.IGNORECASE)


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


def recognises_wide(sample: Sample) -> bool:
    """A table with a column for the image and at least one pair NAME_x, NAME_y."""
    header = sample.header[0] if sample.header else []
    return any(column.casefold() in _IMAGE_COLUMNS for column in header) and bool(_pairs(header))


def read_wide(path: Path, names: Sequence[str] | None, frames: FrameOf) -> PointsTable:
    """Reads a wide table; other columns are skipped with a warning.

    Raises:
        InputError: no or several columns for the image, a coordinate twice or without the other, or a malformed row.
    """
    table = read_rows(path, tuple(_IMAGE_COLUMNS))
    (first, header), *rows = table.rows
    pairs = _pairs(header)
    image_columns = [k for k, column in enumerate(header) if column.casefold() in _IMAGE_COLUMNS]
    if len(image_columns) != 1:
        found = ", ".join(header[k] for k in image_columns) or "none"
        raise InputError(f"{first}: one column must name the image ({', '.join(sorted(_IMAGE_COLUMNS))}), not {found}.")
    _check_columns(first, header, pairs)
    gathered = Gatherer(path, names)
    for name, axes in pairs.items():
        gathered.landmark(first, name)
        if set(axes) != {"x", "y"}:
            raise InputError(f"{first}: {name!r} has only the column {', '.join(axes)}; add the other one.")
    for where, row in rows:
        image = row[image_columns[0]]
        if len(image) > 1000:
            raise InputError(
                f"{where}: {header[image_columns[0]]} holds pixels instead of names: save the images as files."
            )
        gathered.image(image, None, where)
        for name, axes in pairs.items():
            texts = row[axes["x"]], row[axes["y"]]
            if any(texts):
                xy = [table.numbers.read(text, f"{where}: a coordinate of {name!r}") for text in texts]
                gathered.point(where, image, name, xy)
            else:
                gathered.point(where, image, name, texts, Status.UNDEFINED)
    other = [c for k, c in enumerate(header) if k not in image_columns and not _COORDINATE.fullmatch(c)]
    if other:
        warnings.warn(f"{path}: these columns are ignored: {', '.join(map(repr, other))}.", stacklevel=2)
    return gathered.table()


def _check_columns(first: str, header: Sequence[str], pairs: Mapping[str, Mapping[str, int]]) -> None:
    """Refuses a column that occurs twice, and a coordinate with two columns."""
    repeated = next((column for column in header if column and header.count(column) > 1), None)
    if repeated:
        raise InputError(f"{first}: the column {repeated!r} occurs twice; keep one.")
    for position, column in enumerate(header):
        found = _COORDINATE.fullmatch(column)
        if found is None:
            continue
        name, axis = found["name"], found["axis"].lower()
        if (other := pairs[name][axis]) != position:
            raise InputError(
                f"{first}: the columns {header[other]!r} and {column!r} both hold {axis} of {name!r}; keep one."
            )


def write_wide(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes a wide table with the column ``image`` first."""
    rows = [["image", *(f"{name}_{axis}" for name in table.names for axis in "xy")]]
    for image, entry in table.images.items():
        row: list[str] = [image]
        for name in table.names:
            point = entry.points.get(name)
            placed = point is not None and point.status is Status.DEFINED
            row += [repr(point.x), repr(point.y)] if point is not None and placed else ["", ""]
        rows.append(row)
    write_atomically(path, csv_text(rows))


def _pairs(header: Sequence[str]) -> dict[str, dict[str, int]]:
    """The first columns of each landmark by axis."""
    pairs: dict[str, dict[str, int]] = {}
    for position, column in enumerate(header):
        found = _COORDINATE.fullmatch(column)
        if found:
            pairs.setdefault(found["name"], {}).setdefault(found["axis"].lower(), position)
    return pairs


FORMAT = Format(
    name="csv",
    title="CSV, one row per landmark (image,landmark,x,y)",
    extension=".csv",
    recognises=recognises,
    read=read,
    write=write,
    centre=0.0,
    holds=frozenset(get_args(Part)) - {"confidences", "descriptions"},
)
WIDE_FORMAT = Format(
    name="wide",
    title="wide CSV (image,NAME_x,NAME_y,...)",
    extension=".csv",
    recognises=recognises_wide,
    read=read_wide,
    write=write_wide,
    centre=0.0,
    holds=frozenset({"names", "undefined", "images without points"}),
)
