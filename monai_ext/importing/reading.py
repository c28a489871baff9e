"""A table of points in any format, with the landmarks that are wanted under the names that are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from monai_ext.formats import PixelOrigin, find_format, read_table, recognise
from monai_ext.images import read_exif_orientation, read_frame
from monai_ext.landmarks import Frame, InputError, PointsTable, decode_text

from .folder import ImageFolder
from .placing import ExifReading, picture_frame


@dataclass(frozen=True)
class TableReading:
    """Options for reading a table of points.

    Args:
        format: the name of its format; None recognises it by the content.
        names: the landmarks in order, for a format that does not name them; None takes the table's.
        category: of a COCO file with several.
        take_v0: take COCO keypoints with coordinates whose visibility is 0.
        pixel_origin: whether (0, 0) is the ``centre`` or the outer ``corner`` of the top-left pixel; None takes the
            format's own convention.
        exif: which picture of an image with an EXIF orientation the points are of; None takes it from the sizes that
            the table declares.
        scale_unit: of SCALE in a TPS file.
        attribute: of VIA's regions, which names the landmarks.
    """

    format: str | None = None
    names: tuple[str, ...] | None = None
    category: str | None = None
    take_v0: bool = False
    pixel_origin: PixelOrigin | None = None
    exif: ExifReading | None = None
    scale_unit: str | None = None
    attribute: str | None = None

    def read(self, path: Path, folder: ImageFolder) -> tuple[PointsTable, ExifReading | None]:
        """The table, and which picture of an image with an EXIF orientation its points are of.

        Raises:
            InputError: the table cannot be read so; names the file.
        """
        chosen = recognise(path) if self.format is None else find_format(self.format)
        # Points in millimetres of Slicer's scene, where no picture is turned.
        exif: ExifReading | None = "stored" if chosen.centre is None else self.exif

        def frame_of(name: str) -> Frame:
            found = folder.find(name, path)
            return picture_frame(name, read_frame(found.path), read_exif_orientation(found.path), exif)

        table = read_table(
            path,
            self.names,
            format=chosen.name,
            frames=frame_of,
            pixel_origin=self.pixel_origin,
            category=self.category,
            take_v0=self.take_v0 or None,
            scale_unit=self.scale_unit,
            attribute=self.attribute,
        )
        return table, exif


def read_names(path: Path) -> tuple[str, ...]:
    """The landmark names in a text file, one per line; blank lines are skipped.

    Raises:
        InputError: the file cannot be read, holds no name, or one twice.
    """
    try:
        decoded = decode_text(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    names = [line.strip() for line in decoded[0].splitlines() if line.strip()] if decoded else []
    if not names:
        raise InputError(f"{path} contains no landmark: write one name per line.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path} contains the landmark {twice!r} twice; give each its own name.")
    return tuple(names)


def renamed(table: PointsTable, pairs: Sequence[str]) -> PointsTable:
    """The table with the landmarks of ``OLD=NEW`` pairs only, under their new names.

    Raises:
        InputError: a pair is malformed, the table has no such landmark, or two would get one name.
    """
    renames: dict[str, str] = {}
    for pair in pairs:
        old, _, new = pair.partition("=")
        if not old or not new:
            raise InputError(f"--rename needs OLD=NEW, not {pair!r}.")
        if old not in table.names:
            raise InputError(f"--rename {pair}: the table has no landmark {old!r}; it has {', '.join(table.names)}.")
        if new in renames.values() and renames.get(old) != new:
            raise InputError(f"--rename {pair}: two landmarks would be named {new!r}; give each its own name.")
        renames[old] = new
    images = {
        name: replace(entry, points={new: entry.points[old] for old, new in renames.items() if old in entry.points})
        for name, entry in table.images.items()
    }
    return PointsTable(tuple(renames.values()), images)
