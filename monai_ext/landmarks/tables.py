"""Landmarks of many images in one CSV table."""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .errors import InputError
from .files import write_atomically
from .geometry import Frame
from .points import Landmarks, Status
from .studies import SPLITS

REQUIRED_COLUMNS = ("image", "landmark", "x", "y")
OPTIONAL_COLUMNS = ("width", "height", "split", "status")
_NOWHERE = (math.nan, math.nan)


@dataclass(frozen=True)
class TablePoint:
    """One landmark of one image in pixels; (0, 0) is the centre of the top-left pixel. NaN where not defined."""

    x: float
    y: float
    status: Status = Status.DEFINED


@dataclass(frozen=True)
class ImagePoints:
    """The rows of one image: its points by landmark name, and what the table declares of it."""

    points: dict[str, TablePoint]
    size: tuple[int, int] | None = None  #: declared (width, height)
    split: str | None = None  #: train, val or test


@dataclass(frozen=True)
class PointsTable:
    """The landmarks of many images.

    Args:
        names: the landmark names, in the order in which the table first mentions them.
        images: the rows by what the column ``image`` says (a file name or an ID), in the table's order.
    """

    names: tuple[str, ...]
    images: dict[str, ImagePoints] = field(default_factory=dict)

    def landmarks(self, image: str, frame: Frame, names: Sequence[str] | None = None) -> Landmarks:
        """The landmarks of one image; those without a row are undefined.

        Args:
            image: a key of :attr:`images`.
            frame: the frame of that image, as read from its file.
            names: the order of the result; None takes the table's.

        Raises:
            InputError: the table has no such image, declares another size than the frame's, or has a landmark that
                ``names`` lacks.
        """
        if image not in self.images:
            raise InputError(f"The table has no rows of the image {image!r}.")
        entry = self.images[image]
        if entry.size is not None and entry.size != frame.size:
            raise InputError(
                f"The table says that {image!r} has {entry.size[0]} x {entry.size[1]} pixels (width x height), but the "
                f"image has {frame.width} x {frame.height}: convert the points to this image."
            )
        points = entry.points
        found = Landmarks(
            tuple(points),
            [[point.x, point.y] for point in points.values()],
            frame,
            [point.status for point in points.values()],
        )
        return found.reordered(self.names if names is None else names)

    @classmethod
    def from_landmarks(cls, landmarks: Mapping[str, Landmarks], splits: Mapping[str, str] | None = None) -> PointsTable:
        """The table of some images' landmarks, with their sizes; ``splits`` says the split of those that have one."""
        splits = splits or {}
        names = tuple(dict.fromkeys(name for item in landmarks.values() for name in item.names))
        images = {}
        for image, item in landmarks.items():
            xy = np.where(item.defined[:, None], item.points, np.nan).tolist()
            points = {
                name: TablePoint(x, y, Status(int(status)))
                for name, (x, y), status in zip(item.names, xy, item.status, strict=True)
            }
            images[image] = ImagePoints(points, item.frame.size, splits.get(image))
        return cls(names, images)


def finite_number(text: str, where: str) -> float:
    """The number that a field of a text file holds.

    Raises:
        InputError: it is empty, no number, NaN or infinite; opens with ``where``.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise InputError(f"{where} must be a finite number, not {text!r}.")
    return value


def read_points_table(path: str | Path, names: Sequence[str] | None = None) -> PointsTable:
    """Reads a CSV table with the columns image, landmark, x, y and optionally width, height, split, status.

    One row is one landmark of one image, in pixels. ``status`` is defined, missing or undefined; where it is empty
    or there is no such column, a row with coordinates is defined and one without is undefined. Only a defined
    landmark has coordinates. ``split`` is train, val or test. Any other column is ignored with a warning.

    Args:
        path: the file (UTF-8, commas).
        names: the landmarks to expect; None allows any.

    Raises:
        InputError: a column is missing, a field is malformed, a landmark is repeated within an image or unknown, or
            the rows of one image disagree on its size or split; names the file and line.
    """
    path = Path(path)
    images: dict[str, ImagePoints] = {}
    order: dict[str, None] = {}
    for where, row in _rows(path):
        image, landmark = row["image"], row["landmark"]
        for column in ("image", "landmark"):
            if not row[column]:
                raise InputError(f"{where}: the column {column!r} is empty; fill it.")
        if names is not None and landmark not in names:
            raise InputError(f"{where}: unknown landmark {landmark!r}; the landmarks are {', '.join(names)}.")
        size, split = _size(where, row), _split(where, row)
        entry = images.setdefault(image, ImagePoints({}, size, split))
        if landmark in entry.points:
            raise InputError(f"{where}: the landmark {landmark!r} of {image!r} occurs twice; keep one row.")
        for what, here, before in (("size", size, entry.size), ("split", split, entry.split)):
            if here != before:
                raise InputError(f"{where}: {image!r} has the {what} {here} here and {before} above; make them agree.")
        order.setdefault(landmark)
        entry.points[landmark] = _point(where, row)
    return PointsTable(tuple(order), images)


def write_points_table(path: str | Path, table: PointsTable) -> None:
    """Writes the CSV table that :func:`read_points_table` reads, atomically; coordinates keep every digit."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS])
    for image, entry in table.images.items():
        declared = [*(entry.size or ("", "")), entry.split or ""]
        for landmark, point in entry.points.items():
            xy = [point.x, point.y] if point.status is Status.DEFINED else ["", ""]
            writer.writerow([image, landmark, *xy, *declared, point.status.word])
    write_atomically(path, stream.getvalue())


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row by column, stripped, with the file and line it stands on; optional columns are always there."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        _check_columns(path, columns)
        for fields in reader:
            where = f"{path}, line {reader.line_num}"
            if not any(value.strip() for value in fields):
                continue
            if len(fields) != len(columns):
                raise InputError(f"{where}: {len(fields)} fields for {len(columns)} columns: {','.join(fields)!r}.")
            values = (value.strip() for value in fields)
            yield where, dict.fromkeys(OPTIONAL_COLUMNS, "") | dict(zip(columns, values, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not a comma-separated line ({error}).") from None


def _check_columns(path: Path, columns: list[str]) -> None:
    known = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            raise InputError(f"{path}, line 1: the column {column!r} is missing from {','.join(columns)!r}; add it.")
    for column in known:
        if columns.count(column) > 1:
            raise InputError(f"{path}, line 1: the column {column!r} occurs twice; keep one.")
    if ("width" in columns) != ("height" in columns):
        raise InputError(f"{path}, line 1: width and height go together; add the other one.")
    ignored = [column for column in columns if column not in known]
    if ignored:
        warnings.warn(f"{path}: ignored the columns {', '.join(map(repr, ignored))}.", stacklevel=4)


def _size(where: str, row: dict[str, str]) -> tuple[int, int] | None:
    if not row["width"] and not row["height"]:
        return None
    for column in ("width", "height"):
        text = row[column]
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise InputError(f"{where}: {column} must be a whole number of pixels above 0, not {text!r}.")
    return int(row["width"]), int(row["height"])


def _split(where: str, row: dict[str, str]) -> str | None:
    if row["split"] and row["split"] not in SPLITS:
        raise InputError(f"{where}: unknown split {row['split']!r}; use {', '.join(SPLITS)}.")
    return row["split"] or None


def _point(where: str, row: dict[str, str]) -> TablePoint:
    placed = bool(row["x"] or row["y"])
    word = row["status"] or (Status.DEFINED if placed else Status.UNDEFINED).word
    if word not in {status.word for status in Status}:
        raise InputError(f"{where}: unknown status {word!r}; use {', '.join(status.word for status in Status)}.")
    status = Status.from_word(word)
    if status is Status.DEFINED:
        return TablePoint(finite_number(row["x"], f"{where}: x"), finite_number(row["y"], f"{where}: y"))
    if placed:
        raise InputError(
            f"{where}: {row['landmark']!r} is {word} but has the coordinates ({row['x']}, {row['y']}); keep one."
        )
    return TablePoint(*_NOWHERE, status)
