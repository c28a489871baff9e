"""Finds image files that are cut short, before ITK reads them partially or prints to the terminal."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from monai_ext.landmarks.errors import InputError

from .headers import STREAM_ERRORS, open_nifti, read_mha_fields, read_nifti_header

CHUNK = 1 << 20
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
#: Struct codes of the TIFF field types; those that are no whole numbers only by their size.
TIFF_TYPES = {
    1: "B",
    2: "s",
    3: "H",
    4: "I",
    5: "d",
    6: "b",
    7: "s",
    8: "h",
    9: "i",
    10: "d",
    11: "f",
    12: "d",
    16: "Q",
}
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
    if not {"ndims", "dimsize", "elementtype", "elementdatafile"} <= set(fields):
        return True
    if fields["elementdatafile"] != "LOCAL":
        return False  # the pixels are in another file
    try:
        if fields.get("compresseddata", "False").lower() in ("true", "t", "1"):
            needed = int(fields.get("compresseddatasize", 0))
        else:
            pixel = MET_BYTES.get(fields.get("elementtype", ""), 0) * int(fields.get("elementnumberofchannels", 1))
            needed = pixel * math.prod(int(n) for n in fields.get("dimsize", "0").split())
    except ValueError:  # a size that is no number: not for this check, ITK refuses it
        return False
    return path.stat().st_size < start + needed


class _Layout(NamedTuple):
    """The number formats of classic TIFF or BigTIFF: where the first directory stands, and its parts."""

    first: str
    entries: str
    entry: str
    inline: int


_CLASSIC = _Layout("4xI", "H", "HHI4s", 4)
_BIG = _Layout("8xQ", "Q", "HHQ8s", 8)
_TIFF_ORDERS = {b"II*\0": ("<", _CLASSIC), b"MM\0*": (">", _CLASSIC), b"II+\0": ("<", _BIG), b"MM\0+": (">", _BIG)}


def _tiff_missing(path: Path) -> bool:
    """Whether the first directory, one of its values or the pixels that it points to lie beyond the end."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        found = _TIFF_ORDERS.get(stream.read(4))
        if found is None:
            return False  # no TIFF at all: ITK refuses it
        stream.seek(0)
        try:
            values = _tiff_values(stream, *found)
        except (struct.error, OverflowError):  # fewer bytes than a number needs, or an offset beyond any file
            return True
    for offsets, lengths in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        ends = [o + n for o, n in zip(values.get(offsets, ()), values.get(lengths, ()), strict=False)]
        if ends:
            return max(ends) > size
    return True


def _tiff_values(stream: BinaryIO, order: str, layout: _Layout) -> dict[int, tuple[int, ...]]:
    """The whole-number values of the first directory by tag; raises struct.error where the file ends early."""
    size = os.fstat(stream.fileno()).st_size

    def take(format_: str) -> tuple[Any, ...]:
        if struct.calcsize(order + format_) > size:  # a damaged count must not ask for gigabytes
            raise struct.error("more than the file holds")
        return struct.unpack(order + format_, stream.read(struct.calcsize(order + format_)))

    stream.seek(take(layout.first)[0])
    entries = [take(layout.entry) for _ in range(take(layout.entries)[0])]
    values: dict[int, tuple[int, ...]] = {}
    for tag, kind, count, raw in entries:
        code = TIFF_TYPES.get(kind)
        if code is None:
            continue
        format_ = f"{count}{code}"
        if struct.calcsize(order + format_) > layout.inline:
            stream.seek(struct.unpack(order + layout.first[-1], raw)[0])
            value = take(format_)
        else:
            value = struct.unpack_from(order + format_, raw)
        if code in "HIQ":
            values[tag] = value
    return values


_CHECKS: dict[str, Callable[[Path], bool]] = {"NIfTI": _nifti_missing, "MHA": _mha_missing, "TIFF": _tiff_missing}


def check_complete(path: Path, format_name: str) -> None:
    """Refuses a NIfTI, MHA or TIFF file that holds fewer bytes than its header promises, or has no header.

    Raises:
        InputError: the file is cut short.
    """
    missing = _CHECKS.get(format_name)
    if missing is not None and missing(path):
        raise InputError(f"{path.name} is cut short or damaged: export or download it again.")
