"""Declaration of a format of tables of points, and the parts of a table that it cannot hold."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from monai_ext.landmarks import Frame, InputError, PointsTable, Status

from .sample import Sample

#: The frame of an image that a table names; raises InputError where there is no such image.
FrameOf = Callable[[str], Frame]
#: What a format may be unable to hold.
Part = Literal["names", "missing", "undefined", "images without points", "sizes", "splits", "pixel sizes", "subjects"]


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
    split = sum(entry.split is not None for entry in table.images.values())
    subjects = sum(entry.subject is not None for entry in table.images.values())
    if "names" not in format.holds:
        yield f"{format.title} holds no names; in order, the landmarks are {', '.join(table.names)}."
    if "missing" not in format.holds and missing:
        yield f"{format.title} does not hold that a landmark is missing: {missing} missing landmarks are left out."
    if "undefined" not in format.holds and undefined:
        yield f"{format.title} needs every landmark: {undefined} that are not placed are written as missing."
    if "images without points" not in format.holds and unplaced:
        yield f"{format.title} holds no image without a placed landmark: {unplaced} images are left out."
    if "splits" not in format.holds and split:
        yield f"{format.title} holds no splits: those of {split} images are left out."
    if "subjects" not in format.holds and subjects:
        yield f"{format.title} holds no subjects: those of {subjects} images are left out."


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
