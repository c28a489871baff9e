"""Landmarks of many images in one CSV table."""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from .errors import InputError
from .files import write_atomically
from .geometry import Frame
from .points import Landmarks, Status
from .table_text import Numbers, read_text_table
from .table_text import finite_number as finite_number

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
REQUIRED_COLUMNS = ("image", "landmark", "x", "y")
OPTIONAL_COLUMNS = ("width", "height", "split", "status")
#: Whose image it is; images of one subject are never divided between training and validation.
SUBJECT_COLUMN = "subject"
#: Millimetres per pixel: one column for both axes, or one for each.
PIXEL_SIZE_COLUMNS = ("mm_per_px", "mm_per_px_x", "mm_per_px_y")
#: What a table states of an image beside its points: words for messages, and attributes of :class:`ImagePoints`.
STATED_OF_IMAGES = {"size": "size", "split": "split", "pixel size": "mm_per_px", "subject": "subject"}
_NOWHERE = (math.nan, math.nan)


@dataclass(frozen=True)
class TablePoint:
    """One landmark of one image in pixels; (0, 0) is the centre of the top-left pixel. NaN where not defined."""

    x: float
    y: float
    status: Status = Status.DEFINED
    confidence: float | None = None  #: of a network in [0, 1], where one is stated
    description: str = ""  #: what a person wrote of it


@dataclass(frozen=True)
class ImagePoints:
    """The rows of one image: its points by landmark name, and what the table declares of it."""

    points: dict[str, TablePoint]
    size: tuple[int, int] | None = None  #: declared (width, height)
    split: str | None = None  #: train, val or test
    mm_per_px: tuple[float, float] | None = None  #: millimetres per pixel along (x, y), where a person stated them
    subject: str | None = None  #: patient or specimen


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
            raise InputError(f"The table has no rows for the image {image!r}.")
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
            [math.nan if point.confidence is None else point.confidence for point in points.values()],
        )
        return found.reordered(self.names if names is None else names)

    @classmethod
    def from_landmarks(
        cls,
        landmarks: Mapping[str, Landmarks],
        splits: Mapping[str, str] | None = None,
        subjects: Mapping[str, str] | None = None,
        descriptions: Mapping[str, Mapping[str, str]] | None = None,
    ) -> PointsTable:
        """The table of some images' landmarks, with their sizes, and what else is known of images by their key.

        Args:
            landmarks: by image.
            splits: of those images that have one.
            subjects: likewise.
            descriptions: what a person wrote of points, by image and landmark.
        """
        splits, subjects, descriptions = splits or {}, subjects or {}, descriptions or {}
        names = tuple(dict.fromkeys(name for item in landmarks.values() for name in item.names))
        images = {}
        for image, item in landmarks.items():
            xy = np.where(item.defined[:, None], item.points, np.nan).tolist()
            words = descriptions.get(image, {})
            points = {
                name: TablePoint(
                    x, y, Status(int(status)), None if math.isnan(confidence) else confidence, words.get(name, "")
                )
                for name, (x, y), status, confidence in zip(
                    item.names, xy, item.status, item.confidence.tolist(), strict=True
                )
            }
            images[image] = ImagePoints(points, item.frame.size, splits.get(image), subject=subjects.get(image))
        return cls(names, images)


def read_points_table(path: str | Path, names: Sequence[str] | None = None) -> PointsTable:
    """Reads a CSV table with the columns image, landmark, x, y and optionally others.

    The others are width, height, split, status, mm_per_px and subject.
    One row is one landmark of one image, in pixels. ``status`` is defined, missing or undefined; where it is empty
    or there is no such column, a row with coordinates is defined and one without is undefined. Only a defined
    landmark has coordinates. ``split`` is train, val or test. ``mm_per_px`` (or ``mm_per_px_x`` and ``mm_per_px_y``)
    is the real size of a pixel. ``subject`` names the patient or specimen. Column names may have any case. Any other
    column is ignored with a warning.

    Args:
        path: the file: fields separated by commas, semicolons or tabs, in UTF-8, UTF-16 or Latin-1 (see
            :mod:`.table_text`). Where no comma separates the fields, numbers may have a decimal comma.
        names: the landmarks to expect; None allows any.

    Raises:
        InputError: a column is missing, a field is malformed, a landmark is repeated within an image or unknown, or
            the rows of one image disagree on its size, split, pixel size or subject; names the file and line.
    """
    path = Path(path)
    images: dict[str, ImagePoints] = {}
    order: dict[str, None] = {}
    for where, row, numbers in _rows(path):
        image, landmark = row["image"], row["landmark"]
        for column in ("image", "landmark"):
            if not row[column]:
                raise InputError(f"{where}: the column {column!r} is empty; fill it.")
        if names is not None and landmark not in names:
            raise InputError(f"{where}: unknown landmark {landmark!r}; the landmarks are {', '.join(names)}.")
        pixel_size, subject = _pixel_size(where, row, numbers), row[SUBJECT_COLUMN] or None
        stated = ImagePoints({}, _size(where, row), _split(where, row), pixel_size, subject)
        entry = images.setdefault(image, stated)
        if landmark in entry.points:
            raise InputError(f"{where}: the landmark {landmark!r} of {image!r} occurs twice; keep one row.")
        for what, key in STATED_OF_IMAGES.items():
            here, before = getattr(stated, key), getattr(entry, key)
            if here != before:
                raise InputError(f"{where}: {image!r} has the {what} {here} here and {before} above; make them agree.")
        order.setdefault(landmark)
        entry.points[landmark] = _point(where, row, numbers)
    return PointsTable(tuple(order), images)


def write_points_table(path: str | Path, table: PointsTable) -> None:
    """Writes the CSV table that :func:`read_points_table` reads, atomically; coordinates keep every digit."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    sized = any(entry.mm_per_px for entry in table.images.values())
    named = any(entry.subject for entry in table.images.values())
    further = [*(PIXEL_SIZE_COLUMNS[1:] if sized else ()), *([SUBJECT_COLUMN] if named else [])]
    writer.writerow([*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *further])
    for image, entry in table.images.items():
        stated = [*((entry.mm_per_px or ("", "")) if sized else ()), *([entry.subject or ""] if named else [])]
        declared = [*(entry.size or ("", "")), entry.split or ""]
        for landmark, point in entry.points.items():
            xy = [point.x, point.y] if point.status is Status.DEFINED else ["", ""]
            writer.writerow([image, landmark, *xy, *declared, point.status.word, *stated])
    write_atomically(path, stream.getvalue())


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str], Numbers]]:
    """Each row by column with the file and line it stands on; the columns that may be absent are always there."""
    known = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *PIXEL_SIZE_COLUMNS, SUBJECT_COLUMN)
    table = read_text_table(path, known)
    header = table.rows[0][1] if table.rows else []
    columns = [name.casefold() for name in header]
    _check_columns(path, columns, header, known)
    numbers = Numbers(table.delimiter)
    for line, fields in table.rows[1:]:
        where = f"{path}, line {line}"
        if len(fields) < len(columns) or any(fields[len(columns) :]):
            shown = table.delimiter.join(fields)
            raise InputError(f"{where}: {len(fields)} fields for {len(columns)} columns: {shown!r}.")
        stated = dict(zip(columns, fields, strict=False))
        yield where, dict.fromkeys(known, "") | stated, numbers


def _check_columns(path: Path, columns: list[str], header: list[str], known: Sequence[str]) -> None:
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            raise InputError(f"{path}, line 1: the column {column!r} is missing from {','.join(header)!r}; add it.")
    for column in known:
        if columns.count(column) > 1:
            raise InputError(f"{path}, line 1: the column {column!r} occurs twice; keep one.")
    for pair in (("width", "height"), PIXEL_SIZE_COLUMNS[1:]):
        if (pair[0] in columns) != (pair[1] in columns):
            raise InputError(f"{path}, line 1: {pair[0]} and {pair[1]} belong together; add the other one.")
    ignored = [shown for column, shown in zip(columns, header, strict=True) if shown and column not in known]
    if ignored:
        warnings.warn(f"{path}: these columns are ignored: {', '.join(map(repr, ignored))}.", stacklevel=4)


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


def _pixel_size(where: str, row: dict[str, str], numbers: Numbers) -> tuple[float, float] | None:
    both, *axes = PIXEL_SIZE_COLUMNS
    stated = [column for column in PIXEL_SIZE_COLUMNS if row[column]]
    if not stated:
        return None
    if stated not in ([both], axes):
        raise InputError(f"{where}: state {both}, or {' and '.join(axes)}, not {' and '.join(stated)}.")
    sizes = [numbers.read(row[column], f"{where}: {column}") for column in stated]
    if min(sizes) <= 0:
        raise InputError(f"{where}: {stated[0]} must be millimetres per pixel above 0, not {min(sizes):g}.")
    return sizes[0], sizes[-1]


def _point(where: str, row: dict[str, str], numbers: Numbers) -> TablePoint:
    placed = bool(row["x"] or row["y"])
    word = row["status"] or (Status.DEFINED if placed else Status.UNDEFINED).word
    if word not in {status.word for status in Status}:
        raise InputError(f"{where}: unknown status {word!r}; use {', '.join(status.word for status in Status)}.")
    status = Status.from_word(word)
    if status is Status.DEFINED:
        return TablePoint(numbers.read(row["x"], f"{where}: x"), numbers.read(row["y"], f"{where}: y"))
    if placed:
        raise InputError(
            f"{where}: {row['landmark']!r} is {word} but has the coordinates ({row['x']}, {row['y']}); keep one."
        )
    return TablePoint(*_NOWHERE, status)
