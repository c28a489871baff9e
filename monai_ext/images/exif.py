"""EXIF orientation: how the upright picture that a viewer shows lies in the stored pixels.

A camera stores its pixels as the sensor lies and notes in EXIF how to turn them. Browsers and most labelling tools
show the upright picture; ITK, 3D Slicer and this package use the stored pixels.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, UnidentifiedImageError

from monai_ext.landmarks import FloatArray, InputError

from .formats import image_kind
from .tiff import read_tiff_orientation

_ORIENTATION_TAG = 0x0112
#: Where Pillow keeps XMP, whose orientation it takes for that of EXIF where EXIF has none; browsers do not.
_XMP = ("xmp", "XML:com.adobe.xmp")
#: What Pillow raises where an image or its EXIF block is damaged.
_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error)
#: (axes swapped, x mirrored, y mirrored) on the way from the upright picture to the stored pixels.
_TURNS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def read_exif_orientation(path: Path) -> int:
    """Reads the EXIF orientation of a JPEG, PNG, WebP or TIFF file.

    That of a TIFF file is the one of the page that is read as the image: Pillow does not open every kind of TIFF. An
    orientation in XMP alone, as it is left where EXIF was removed, does not count.

    Returns:
        1 to 8, as EXIF numbers them; 1 (upright as stored) where the file states none, states another number, has an
        EXIF block that cannot be read, or is of a format without EXIF: viewers then turn nothing.
    """
    try:
        if image_kind(path) == "TIFF":
            stated = read_tiff_orientation(path)
        else:
            with Image.open(path) as image:
                if image.format == "PNG":
                    image.load()  # EXIF and XMP may follow the pixels
                bare = Image.new("1", (1, 1))  # the image itself may have read its XMP already
                bare.info = {key: value for key, value in image.info.items() if key not in _XMP}
            stated = bare.getexif().get(_ORIENTATION_TAG, 1)
    except (InputError, UnidentifiedImageError, Image.DecompressionBombError, *_DAMAGED):
        return 1
    return int(stated) if stated in _TURNS else 1


def upright_to_stored(points: ArrayLike, orientation: int, stored_size: tuple[int, int]) -> FloatArray:
    """Maps points of the upright picture to the stored pixels; exact, also between pixel centres.

    Args:
        points: (..., 2) pixels (x, y) of the upright picture; NaN stays NaN.
        orientation: EXIF orientation, 1 to 8.
        stored_size: (width, height) of the stored image.

    Returns:
        (..., 2) pixels of the stored image.

    Raises:
        KeyError: an orientation that EXIF does not know.

    Examples:
        >>> upright_to_stored([10, 5], 6, (64, 48)).tolist()
        [5.0, 37.0]
    """
    swapped, mirror_x, mirror_y = _TURNS[orientation]
    stored = np.array(points, dtype=np.float64)
    stored = stored[..., ::-1] if swapped else stored
    return _mirrored(stored, (mirror_x, mirror_y), stored_size)


def stored_to_upright(points: ArrayLike, orientation: int, stored_size: tuple[int, int]) -> FloatArray:
    """Maps points of the stored pixels to the upright picture: the inverse of :func:`upright_to_stored`."""
    swapped, mirror_x, mirror_y = _TURNS[orientation]
    upright = _mirrored(np.array(points, dtype=np.float64), (mirror_x, mirror_y), stored_size)
    return np.ascontiguousarray(upright[..., ::-1]) if swapped else upright


def upright_size(orientation: int, stored_size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the upright picture of a stored image."""
    width, height = stored_size
    return (height, width) if _TURNS[orientation][0] else (width, height)


def _mirrored(points: FloatArray, axes: tuple[bool, bool], size: tuple[int, int]) -> FloatArray:
    last = np.array(size, dtype=np.float64) - 1
    return np.where(np.array(axes), last - points, points)
