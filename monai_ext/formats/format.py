"""Declaration of a format of tables of points: what recognises a file, and the parts of a table that it cannot hold."""

from __future__ import annotations

import csv
import importlib
import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from monai_ext.landmarks import DELIMITERS, Frame, InputError, PointsTable, Status, decode_text

#: As many bytes of a table as its first lines never exceed.
_HEAD = 1_000_000


class Sample:
    """The content of a file, decoded once for all recognisers; None if it is not of that kind.

    Args:
        path: a file or a folder.

    Raises:
        InputError: there is no such file or folder, or it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise InputError(f"There is no table {self.path}: check the path.")

    def inside(self, extension: str) -> Iterator[Sample]:
        """The files of a folder that end so, sorted, without hidden ones; for a file, itself."""
        if not self.path.is_dir():
            yield self
            return
        for item in sorted(self.path.iterdir()):
            if item.is_file() and not item.name.startswith(".") and item.name.lower().endswith(extension):
                yield Sample(item)

    @cached_property
    def data(self) -> bytes:
        """The bytes of the file; none for a folder."""
        try:
            return b"" if self.path.is_dir() else self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error}.") from None

    @cached_property
    def text(self) -> str | None:
        """The text of a file in any encoding that :mod:`monai_ext.landmarks.table_text` knows."""
        found = decode_text(self.data) if self.data else None
        return None if found is None else found[0]

    @cached_property
    def document(self) -> Any:
        """The JSON document in the file."""
        try:
            return json.loads(self.text or "")
        except (ValueError, RecursionError):
            return None

    @cached_property
    def header(self) -> list[list[str]]:
        """The fields of the first four lines, read as a table; stripped."""
        text = (self.text or "")[:_HEAD].lstrip()
        if text.lower().startswith("sep="):  # Excel's own line
            text = text.partition("\n")[2]
        first = text.split("\n", 1)[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=first.count))
        try:
            return [[field.strip() for field in row] for row in itertools.islice(reader, 4)]
        except csv.Error:
            return []


#: The frame of an image that a table names; raises InputError where there is no such image.
FrameOf = Callable[[str], Frame]
#: What a format may be unable to hold.
Part = Literal[
    "names",
    "missing",
    "undefined",
    "images without points",
    "sizes",
    "splits",
    "pixel sizes",
    "subjects",
    "confidences",
    "descriptions",
]


@dataclass(frozen=True)
class Format:
    """One format: how it is recognised, read and written, and what it can hold.

    Args:
        name: the word that ``--format`` takes.
        title: what a person calls it.
        extension: how the name of the file ends.
        recognises: whether a file or folder is of this format, judged by its content.
        read: ``read(path, names, frames, **options)`` gives the table. ``names`` are the landmarks to expect (for a
            format without names: the names of its points in order), or None; ``frames`` gives the frame of an image
            and is called only for images whose frame the format does not contain.
        write: ``write(path, table, frames)``.
        centre: where the format puts the centre of the top-left pixel, along x and y: 0 or 0.5; None if its
            coordinates are no pixels.
        holds: which parts of a table it can hold.
        options: the names of further options of ``read``.
        y_up: y runs up from the bottom edge.
        folder: the files lie in a folder, one per image and named after it.
        upright: its own program shows the upright picture of an image with an EXIF orientation, and means that one.
    """

    name: str
    title: str
    extension: str
    recognises: Callable[[Sample], bool]
    read: Callable[..., PointsTable]
    write: Callable[..., None]
    centre: float | None
    holds: frozenset[Part]
    options: tuple[str, ...] = ()
    y_up: bool = False
    folder: bool = False
    upright: bool = False


def frame_lookup(frames: FrameOf | Mapping[str, Frame] | None) -> FrameOf:
    """One callable for the ways in which a caller may give the frames of the images."""
    if callable(frames):
        return frames

    def frame_of(image: str) -> Frame:
        if frames is None or image not in frames:
            raise InputError(f"The frame of the image {image!r} is needed to read or write its points: give the image.")
        return frames[image]

    return frame_of


def losses(table: PointsTable, format: Format) -> list[str]:
    """One sentence per part of the table that is lost in the format; empty if it holds all."""
    return list(_losses(table, format))


def _losses(table: PointsTable, format: Format) -> Iterator[str]:
    count = dict.fromkeys(Status, 0)
    unplaced = 0
    for entry in table.images.values():
        status = [entry.points[name].status if name in entry.points else Status.UNDEFINED for name in table.names]
        for item in status:
            count[item] += 1
        unplaced += Status.DEFINED not in status
    missing, undefined = count[Status.MISSING], count[Status.UNDEFINED]
    points = [point for entry in table.images.values() for point in entry.points.values()]
    further: list[tuple[Part, int, str]] = [
        ("splits", sum(entry.split is not None for entry in table.images.values()), "images"),
        ("subjects", sum(entry.subject is not None for entry in table.images.values()), "images"),
        ("confidences", sum(point.confidence is not None for point in points), "landmarks"),
        ("descriptions", sum(bool(point.description) for point in points), "landmarks"),
    ]
    if "names" not in format.holds:
        yield f"{format.title} holds no names; in order, the landmarks are {', '.join(table.names)}."
    if "missing" not in format.holds and missing:
        yield f"{format.title} does not hold that a landmark is missing: {missing} missing landmarks are left out."
    if "undefined" not in format.holds and undefined:
        yield f"{format.title} needs every landmark: {undefined} that are not placed are written as missing."
    if "images without points" not in format.holds and unplaced:
        yield f"{format.title} holds no image without a placed landmark: {unplaced} images are left out."
    for part, number, of_what in further:
        if part not in format.holds and number:
            yield f"{format.title} holds no {part}: those of {number} {of_what} are left out."


def optional_package(module: str, extra: str, what: str) -> Any:
    """Imports a package that an optional extra installs.

    Raises:
        InputError: it is not installed; names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{what} needs the package {error.name!r}: install it, or this project with the extra {extra!r}."
        ) from None
