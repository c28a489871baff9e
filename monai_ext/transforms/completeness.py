"""Finds image files that are cut short, before ITK reads them partially or prints to the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PIL import TiffImagePlugin

from ..landmarks.errors import InputError
from .headers import STREAM_ERRORS, open_nifti, read_mha_fields, read_nifti_header

CHUNK = 1 << 20
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
MET_BYTES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}


def _nifti_missing(path: Path) -> bool:
    """ITK fills the pixels that a NIfTI file lacks with whatever was in memory."""
    end = read_nifti_header(path).end
    if path.suffix.lower() != ".gz":
        return path.stat().st_size < end
    length = 0
    try:
        with open_nifti(path) as stream:
            while chunk := stream.read(CHUNK):
                length += len(chunk)
    except STREAM_ERRORS:
        return True
    return length < end


def _mha_missing(path: Path) -> bool:
    fields, start = read_mha_fields(path)
    if fields.get("elementdatafile") != "LOCAL":
        return "elementdatafile" not in fields
    try:
        if fields.get("compresseddata", "False").lower() in ("true", "t", "1"):
            needed = int(fields.get("compresseddatasize", 0))
        else:
            pixel = MET_BYTES.get(fields.get("elementtype", ""), 0) * int(fields.get("elementnumberofchannels", 1))
            needed = pixel * math.prod(int(n) for n in fields.get("dimsize", "0").split())
    except ValueError:  # a size that is no number: not for this check, ITK refuses it
        return False
    return path.stat().st_size < start + needed


def _tiff_missing(path: Path) -> bool:
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(16)
        if head[:4] not in TiffImagePlugin.PREFIXES and head[:2] not in (b"II", b"MM"):
            return False  # no TIFF at all: ITK refuses it
        big = b"\x2b" in head[2:4]
        if len(head) < (16 if big else 8):
            return True
        directory = TiffImagePlugin.ImageFileDirectory_v2(head[: 16 if big else 8])
        if not 0 < directory.next < size:
            return True
        stream.seek(directory.next)
        try:
            directory.load(stream)
        except (OSError, SyntaxError, ValueError, TypeError):
            return True
    for offsets, lengths in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        ends = [o + n for o, n in zip(_numbers(directory, offsets), _numbers(directory, lengths), strict=False)]
        if ends:
            return max(ends) > size
    return True


def _numbers(directory: TiffImagePlugin.ImageFileDirectory_v2, tag: int) -> tuple[int, ...]:
    value = directory.get(tag, ())
    return value if isinstance(value, tuple) else (int(value),)


_CHECKS: dict[str, Callable[[Path], bool]] = {"NIfTI": _nifti_missing, "MHA": _mha_missing, "TIFF": _tiff_missing}


def check_complete(path: Path, format_name: str) -> None:
    """Refuses a NIfTI, MHA or TIFF file that holds fewer bytes than its header promises.

    Raises:
        InputError: the file is cut short.
    """
    missing = _CHECKS.get(format_name)
    if missing is not None and missing(path):
        raise InputError(f"{path.name} is cut short or damaged: export or download it again.")
