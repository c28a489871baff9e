"""Tables of points in the formats of other programs: one file per format, one registry."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .files import named_files
    from .format import Format, FrameOf, losses
    from .registry import (
        FORMAT_NAMES,
        FORMATS,
        PIXEL_ORIGINS,
        PixelOrigin,
        find_format,
        read_table,
        recognise,
        write_table,
    )

__all__ = [
    "FORMATS",
    "FORMAT_NAMES",
    "PIXEL_ORIGINS",
    "Format",
    "FrameOf",
    "PixelOrigin",
    "find_format",
    "losses",
    "named_files",
    "read_table",
    "recognise",
    "write_table",
]

lazy_face(__name__)
