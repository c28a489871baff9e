"""Headers of NIfTI, NRRD and MetaImage files, for the questions that ITK does not answer.

ITK replaces what a header leaves out by a default (spacing 1) and reads some files that are cut short; these
readers show the real content of the header.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from monai_ext.landmarks import InputError

NIFTI1_HEADER_BYTES = 348
MAX_TEXT_HEADER_BYTES = 1 << 20

#: What reading a compressed stream raises when it is damaged or ends early.
STREAM_ERRORS = (EOFError, OSError, zlib.error)


@dataclass(frozen=True)
class NiftiHeader:
    """The part of a NIfTI-1 header that says how large a voxel is and where the data end.

    Args:
        pixdim: voxel size along the first three axes as written, in the file's own unit.
        end: number of bytes that the uncompressed file must have.
    """

    pixdim: tuple[float, float, float]
    end: int


def open_nifti(path: Path) -> BinaryIO:
    """The uncompressed byte stream of a ``.nii`` or ``.nii.gz`` file."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb")


def read_nifti_header(path: Path) -> NiftiHeader:
    """Reads a NIfTI-1 header.

    Raises:
        InputError: the file does not begin with a whole NIfTI-1 header.
    """
    try:
        with open_nifti(path) as stream:
            raw = stream.read(NIFTI1_HEADER_BYTES)
    except STREAM_ERRORS as error:
        raise InputError(f"{path.name} is cut short or damaged: export or download it again.") from error
    order = {struct.pack(o + "i", NIFTI1_HEADER_BYTES): o for o in "<>"}.get(raw[:4])
    if order is None or len(raw) < NIFTI1_HEADER_BYTES:
        raise InputError(f"{path.name} has no NIfTI-1 header: export the image again as NIfTI-1, NRRD or PNG.")
    dim = struct.unpack_from(order + "8h", raw, 40)
    (bits,) = struct.unpack_from(order + "h", raw, 72)
    pixdim = struct.unpack_from(order + "8f", raw, 76)
    (offset,) = struct.unpack_from(order + "f", raw, 108)
    if not 0 <= offset < 2**31:
        raise InputError(f"{path.name} is damaged: its NIfTI header puts the pixels at byte {offset}; export it again.")
    count = math.prod(max(n, 1) for n in dim[1 : 1 + min(max(dim[0], 0), 7)])
    return NiftiHeader(pixdim[1:4], int(offset) + count * bits // 8)


def read_text_header(path: Path, separator: str, last: str) -> tuple[dict[str, str], int]:
    """Reads the ``key<separator>value`` lines at the start of an NRRD or MetaImage file.

    Args:
        path: the file.
        separator: what stands between key and value.
        last: the key of the line that ends the header; an empty line ends it too.

    Returns:
        The fields (keys in lower case) and the number of bytes before the data.
    """
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        while line := stream.readline(MAX_TEXT_HEADER_BYTES).strip():
            key, found, value = line.decode("utf-8", errors="replace").partition(separator)
            if found:
                fields[key.strip().lower()] = value.strip()
            if (found and key.strip() == last) or stream.tell() > MAX_TEXT_HEADER_BYTES:
                break
        return fields, stream.tell()


def read_nrrd_fields(path: Path) -> dict[str, str]:
    """The fields of an NRRD header, keys in lower case."""
    return read_text_header(path, ":", "")[0]


def read_mha_fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of a MetaImage header, keys in lower case, and the number of bytes before its data."""
    return read_text_header(path, "=", "ElementDataFile")
