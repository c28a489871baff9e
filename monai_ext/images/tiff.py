"""Reads a TIFF file: its stored numbers at full depth, and where ITK, and therefore 3D Slicer, shows them.

ITK reads many kinds of TIFF wrongly or not at all, so tifffile reads them; libtiff renders the few that it leaves out.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from monai_ext.landmarks import FloatArray, Frame, InputError

# tifffile would log what is odd about a file; what a person must know is raised as an InputError instead.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

#: TIFF tags.
_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _ORIENTATION, _COLOR_MAP = 254, 255, 274, 320
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
#: SubfileType of a page that is no image of its own: a reduced copy (1) or a mask (4) of another.
_COPY_OR_MASK = 1 | 4
#: Millimetres in a ResolutionUnit.
_UNIT_MM = {2: 25.4, 3: 10.0}
#: Orientations for which ITK mirrors the stored pixels along x and along y. It never swaps rows and columns.
_MIRRORED_X, _MIRRORED_Y = frozenset({2, 3, 6, 7}), frozenset({3, 4, 7, 8})

_GREY, _PALETTE = (0, 1), 3
_MIN_IS_WHITE, _RGB, _CMYK, _YCBCR, _CIE_LAB = 0, 2, 5, 6, 8
#: Values per pixel of the colours that libtiff renders as RGB: grey, RGB, palette, CMYK, YCbCr and CIE L*a*b*.
_RENDERED = {_MIN_IS_WHITE: 1, 1: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3, _CIE_LAB: 3}
#: Compressions that only libtiff decodes, or decodes better: CCITT, old JPEG, NeXT and ThunderScan.
_LIBTIFF_ONLY = frozenset({2, 3, 4, 6, 32766, 32809})


def read_tiff_frame(path: Path) -> Frame:
    """Reads the frame of a TIFF image from its tags.

    Args:
        path: a TIFF or BigTIFF file.

    Returns:
        The frame of the stored pixels. Print density scales the placement, as in ITK, and is no calibration. Where
        the orientation tag makes ITK mirror the pixels, the placement is mirrored: a stored pixel lies where 3D Slicer
        shows it.

    Raises:
        InputError: damaged, cut short, or more than one page that is no reduced copy or mask.
    """
    with _page(path) as page:
        return _frame(path, page)


def read_tiff_orientation(path: Path) -> Any:
    """Reads what the orientation tag of a TIFF image states, also where that is no orientation; 1 without the tag.

    Raises:
        InputError: as :func:`read_tiff_frame`.
    """
    with _page(path) as page:
        return _value(page, _ORIENTATION, 1)


def read_tiff(path: Path) -> tuple[NDArray[Any], Frame]:
    """Reads a TIFF image.

    Returns:
        (H, W, 1) grey or (H, W, 3) RGB, pixels as stored: the orientation tag does not turn them. MinIsWhite is
        inverted, so that bright is high; grey of 1, 2 and 4 bits is spread to 0..255; alpha is left out. And the
        :func:`read_tiff_frame`.

    Raises:
        InputError: as :func:`read_tiff_frame`; a colour, depth or compression that cannot be read, named.
    """
    with _page(path) as page:
        frame = _frame(path, page)
        _check_size(path, page)
        if _needs_libtiff(page):
            return _render(path, page), frame
        _check_known(path, page)
        try:
            stored = page.asarray(squeeze=False)
        except Exception as error:  # each of some thirty decoders has exceptions of its own
            raise _damaged(path) from error
        # (separate planes, 1, H, W, values side by side) to (H, W, values)
        planes = np.moveaxis(stored[:, 0], 0, -1).reshape(frame.height, frame.width, -1)
        return _colors(path, page, planes), frame


@contextmanager
def _page(path: Path) -> Iterator[tifffile.TiffPage]:
    """The page that is the image."""
    try:
        file = tifffile.TiffFile(path)
    except Exception as error:  # struct, value and index errors too
        raise _damaged(path) from error
    with file:
        try:
            found = [file.pages.get(index, aspage=True) for index in range(len(file.pages))]
            page, *others = [page for page in found if isinstance(page, tifffile.TiffPage)]
            own = [other for other in others if not _is_copy(other)]
        except Exception as error:
            raise _damaged(path) from error
        frames = 1 + len(own)
        if frames == 1 and file.is_imagej and file.imagej_metadata:
            frames = int(file.imagej_metadata.get("images", 1))  # ImageJ lists only the first page of a large stack
        frames *= page.imagedepth
        if frames > 1:
            shape = f"{page.imagewidth} x {page.imagelength} x {frames}"
            raise InputError(f"{path.name} has more than one slice or frame ({shape}): export one slice as a 2D image.")
        yield page


def _is_copy(page: tifffile.TiffPage) -> bool:
    return bool(int(_value(page, _SUBFILE_TYPE, 0)) & _COPY_OR_MASK) or _value(page, _OLD_SUBFILE_TYPE, 1) == 2


def _value(page: tifffile.TiffPage, tag: int, default: Any) -> Any:
    return page.tags.valueof(tag, default)


def _frame(path: Path, page: tifffile.TiffPage) -> Frame:
    width, height = page.imagewidth, page.imagelength
    x, y = _spacing(page)
    orientation = _value(page, _ORIENTATION, 1)
    placement: FloatArray = np.diag([x, y, 0.0])
    if orientation in _MIRRORED_X:
        placement[0] = -x, 0.0, x * (width - 1)
    if orientation in _MIRRORED_Y:
        placement[1] = 0.0, -y, y * (height - 1)
    try:
        return Frame(width, height, placement)
    except InputError as error:
        raise InputError(f"{path.name} cannot be placed in space: {error}") from error


def _spacing(page: tifffile.TiffPage) -> tuple[float, float]:
    """(x, y) millimetres per pixel by the print density, which ITK keeps as 32-bit numbers; 1 without one."""
    millimetres = _UNIT_MM.get(int(_value(page, _RESOLUTION_UNIT, 1)))
    densities = [_density(_value(page, tag, 0)) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
    if millimetres is None or not all(density > 0 for density in densities):
        return 1.0, 1.0
    return millimetres / densities[0], millimetres / densities[1]


def _density(stated: Any) -> float:
    numerator, denominator = stated if isinstance(stated, tuple) else (stated, 1)
    density = float(np.float32(numerator / denominator)) if denominator else 0.0
    return density if math.isfinite(density) else 0.0


def _check_size(path: Path, page: tifffile.TiffPage) -> None:
    """Refuses a page whose pixels are not all in the file."""
    size = page.parent.filehandle.size
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    whole = bool(parts) and all(offset > 0 and count > 0 and offset + count <= size for offset, count in parts)
    if whole and page.compression == 1 and not page.is_subsampled:
        row = math.ceil(page.imagewidth * _bits(page) / 8)
        whole = sum(count for _, count in parts) >= row * page.imagelength
    if not whole:
        raise InputError(f"{path.name} is cut short or damaged: export or download it again.")


def _bits(page: tifffile.TiffPage) -> int:
    """Bits of all values of a pixel."""
    bits = page.bitspersample
    return sum(bits) if isinstance(bits, tuple) else bits * page.samplesperpixel


def _needs_libtiff(page: tifffile.TiffPage) -> bool:
    """Recognises a page that tifffile leaves to others and libtiff renders without loss of depth."""
    bits, color = page.bitspersample, page.photometric
    if isinstance(bits, tuple) or bits > 8 or page.sampleformat != 1 or page.samplesperpixel != _RENDERED.get(color):
        return False
    # the decoders of whole images turn YCbCr into RGB themselves
    raw = page.compression not in tifffile.TIFF.IMAGE_COMPRESSIONS
    return page.compression in _LIBTIFF_ONLY or color in (_CMYK, _CIE_LAB) or (color == _YCBCR and raw)


def _render(path: Path, page: tifffile.TiffPage) -> NDArray[Any]:
    """(H, W, 1) or (H, W, 3) 8-bit colours, rendered by libtiff and put back as stored."""
    try:
        colors = imagecodecs.tiff_decode(path.read_bytes(), index=0, asrgb=True)
    except Exception as error:
        raise _damaged(path) from error
    orientation = _value(page, _ORIENTATION, 1)
    colors = colors[:, ::-1] if orientation in _MIRRORED_X else colors
    colors = colors[::-1] if orientation in _MIRRORED_Y else colors
    return colors[..., : 1 if page.photometric in _GREY else 3]


def _check_known(path: Path, page: tifffile.TiffPage) -> None:
    """Refuses what neither tifffile nor :func:`_colors` knows, by the name of the tag."""
    compression, color = page.compression, page.photometric
    if compression != 1 and compression not in tifffile.TIFF.DECOMPRESSORS:
        name = getattr(compression, "name", compression)
        raise InputError(f"{path.name} has the TIFF compression {name}, which cannot be read: save it with another.")
    name = getattr(color, "name", color)
    if color not in (*_GREY, _RGB, _PALETTE, _YCBCR):
        raise InputError(f"{path.name} holds {name} colours (PhotometricInterpretation): save it as RGB or grey.")
    if page.dtype is None or isinstance(page.bitspersample, tuple):
        stated = f"BitsPerSample {page.bitspersample}, SampleFormat {page.sampleformat}"
        raise InputError(f"{path.name} has pixels that cannot be read ({stated}): save it with 8 or 16 bits.")
    if page.dtype.kind == "c":
        raise InputError(f"{path.name} holds complex numbers: save their magnitude as an image.")
    needed = 3 if color in (_RGB, _YCBCR) else 1
    extra = [int(kind) for kind in page.extrasamples]
    if page.samplesperpixel < needed or (needed == 1 and page.samplesperpixel > 2 and not all(extra)):
        raise InputError(
            f"{path.name} has {page.samplesperpixel} values per pixel (SamplesPerPixel) of {name} colours: "
            "save it as RGB or grey."
        )
    if color == _MIN_IS_WHITE and page.dtype.kind == "f":
        raise InputError(f"{path.name} is MINISWHITE (PhotometricInterpretation) of floats: save it as MinIsBlack.")


def _colors(path: Path, page: tifffile.TiffPage, stored: NDArray[Any]) -> NDArray[Any]:
    """(H, W, values) stored numbers to (H, W, 1) grey or (H, W, 3) RGB."""
    if page.photometric == _PALETTE:
        return _palette(path, page)[stored[..., 0].astype(np.intp)]
    if page.photometric not in _GREY:
        return stored[..., :3]
    grey, bits = stored[..., :1], page.bitspersample
    if grey.dtype == bool:
        grey = grey.astype(np.uint8)
    if page.photometric == _MIN_IS_WHITE:
        grey = ~grey if grey.dtype.kind == "i" else np.array((1 << bits) - 1, grey.dtype) - grey
    return grey * np.uint8(255 // ((1 << bits) - 1)) if bits in (1, 2, 4) and grey.dtype == np.uint8 else grey


def _palette(path: Path, page: tifffile.TiffPage) -> NDArray[Any]:
    """(N, 3) colours; 16-bit numbers only where 8 bits do not hold them, whichever way these were spread to 16."""
    stated = np.asarray(_value(page, _COLOR_MAP, ()), dtype=np.uint16)
    if stated.size != 3 << page.bitspersample:
        raise InputError(f"{path.name} has a palette (ColorMap) of {stated.size} numbers: save it as RGB or grey.")
    colors = stated.reshape(3, -1).T
    high, low = colors >> 8, colors & 255
    if not high.any():
        return colors.astype(np.uint8)
    return high.astype(np.uint8) if not low.any() or (low == high).all() else colors


def _damaged(path: Path) -> InputError:
    return InputError(f"{path.name} cannot be read as TIFF: it is damaged, cut short or another format.")
