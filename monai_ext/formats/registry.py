"""The formats that a table of points is read from and written to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from monai_ext.landmarks import Frame, InputError, PointsTable, TablePoint

from . import coco, csv_tables, cvat, deeplabcut, label_studio, labelme, napari, sleap, slicer, tps, via
from .format import Format, FrameOf, Sample, frame_lookup

#: Every format by its name, in the order in which a file is offered to them.
FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        csv_tables.FORMAT,
        coco.FORMAT,
        tps.FORMAT,
        labelme.FORMAT,
        label_studio.FORMAT,
        cvat.FORMAT,
        via.FORMAT,
        via.CSV_FORMAT,
        deeplabcut.FORMAT,
        deeplabcut.H5_FORMAT,
        sleap.FORMAT,
        slicer.FORMAT,
        slicer.FCSV_FORMAT,
        napari.FORMAT,
        csv_tables.WIDE_FORMAT,
    )
}
#: How Excel's and LibreOffice's workbooks begin, and other zip archives, as CVAT's and Label Studio's downloads.
_ZIP = b"PK\x03\x04"
#: The words that ``--format`` takes.
FORMAT_NAMES: tuple[str, ...] = tuple(FORMATS)

PixelOrigin = Literal["centre", "corner"]
#: Where the centre of the top-left pixel lies for either answer to "where is (0, 0)".
PIXEL_ORIGINS: dict[PixelOrigin, float] = {"centre": 0.0, "corner": 0.5}


def find_format(name: str) -> Format:
    """The format of that name.

    Raises:
        InputError: there is none.
    """
    if name not in FORMATS:
        raise InputError(f"There is no format {name!r}; the formats are {', '.join(FORMAT_NAMES)}.")
    return FORMATS[name]


def recognise(path: str | Path) -> Format:
    """The format of a file or folder, by its content.

    Raises:
        InputError: it cannot be read, or is of no known format.
    """
    sample = Sample(path)
    found = next((item for item in FORMATS.values() if item.recognises(sample)), None)
    if found is None:
        if sample.data.startswith(_ZIP):
            raise InputError(f"{path} is a workbook or an archive: save its sheet as CSV in UTF-8, or unpack it.")
        inside = f"it starts with {sample.data[:60]!r}" if sample.data else "it is empty"
        what = "a folder without one" if sample.path.is_dir() else inside
        raise InputError(
            f"{path} is not a table of points in a known format ({what}); the formats are {', '.join(FORMAT_NAMES)}."
        )
    return found


def read_table(
    path: str | Path,
    names: Sequence[str] | None = None,
    *,
    format: str | None = None,
    frames: FrameOf | Mapping[str, Frame] | None = None,
    pixel_origin: PixelOrigin | None = None,
    **options: Any,
) -> PointsTable:
    """Reads a table of points in any known format; (0, 0) of the result is the centre of the top-left pixel.

    Args:
        path: a file, or a folder of files where the format has one per image.
        names: the landmarks to expect; for a format without names, those of its points in order. None allows any.
        format: one of :data:`FORMAT_NAMES`; None recognises it by the content.
        frames: the frame of an image by the name that the table has for it (a file name or an ID), as a mapping or a
            callable. It is called only for images whose size or placement the format does not contain.
        pixel_origin: where this file has (0, 0): at the ``centre`` or the outer ``corner`` of the top-left pixel; None
            takes the format's own convention.
        options: of the format, as ``category`` of COCO.

    Raises:
        InputError: the file is of no known format or malformed, an option is not one of its format, an image that
            must be known is not.
    """
    chosen = recognise(path) if format is None else find_format(format)
    stated = {key: value for key, value in options.items() if value is not None}
    for key in stated:
        if key not in chosen.options:
            raise InputError(f"{path} is read as {chosen.name}, which has no option {key!r}; leave it out.")
    table = chosen.read(Path(path), names, frame_lookup(frames), **stated)
    return table if pixel_origin is None else _with_origin(table, chosen, pixel_origin)


def write_table(
    path: str | Path,
    table: PointsTable,
    format: str,
    *,
    frames: FrameOf | Mapping[str, Frame] | None = None,
) -> None:
    """Writes a table of points, atomically, with the format's own convention of where (0, 0) is.

    Args:
        path: the file, or the folder for a format with one file per image.
        table: what to write.
        format: one of :data:`FORMAT_NAMES`.
        frames: as of :func:`read_table`; called for images without a size in the table, or with a written placement.

    Raises:
        InputError: there is no such format, or an image that must be known is not.
    """
    find_format(format).write(Path(path), table, frame_lookup(frames))


def _with_origin(table: PointsTable, chosen: Format, origin: PixelOrigin) -> PointsTable:
    if origin not in PIXEL_ORIGINS:
        raise InputError(f"The pixel origin must be {' or '.join(PIXEL_ORIGINS)}, not {origin!r}.")
    if chosen.centre is None:
        raise InputError(f"The points of {chosen.title} are not in pixels: leave out the pixel origin.")
    shift = chosen.centre - PIXEL_ORIGINS[origin]
    return _shifted(table, shift, -shift if chosen.y_up else shift)


def _shifted(table: PointsTable, dx: float, dy: float) -> PointsTable:
    """The table with every placed point moved by so many pixels."""

    def moved(point: TablePoint) -> TablePoint:
        return point if math.isnan(point.x) else replace(point, x=point.x + dx, y=point.y + dy)

    images = {
        image: replace(entry, points={name: moved(point) for name, point in entry.points.items()})
        for image, entry in table.images.items()
    }
    return PointsTable(table.names, images)
