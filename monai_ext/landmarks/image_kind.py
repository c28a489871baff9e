"""What kind of image a file holds, by its first bytes: the name of a file promises nothing."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

#: Kinds that are read; the names are those that people use.
READABLE_KINDS = ("PNG", "JPEG", "BMP", "TIFF", "NIfTI", "NRRD", "MHA", "DICOM")

_HEAD_BYTES = 8192
_NIFTI_BYTES = 352
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"NRRD000", "NRRD"),
    (b"GIF8", "GIF"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
)
_HEIF_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_NIFTI_SIZES = {(n).to_bytes(4, order): n for n in (348, 540) for order in ("little", "big")}
#: Groups of the elements that a DICOM data set without its preamble begins with, and how their values are coded.
_DICOM_GROUPS = (b"\x02\0", b"\x08\0")
_DICOM_CODES = (b"UL", b"OB", b"UI", b"SH", b"CS", b"DA", b"TM", b"DT", b"LO", b"ST", b"PN", b"US")


def image_kind(path: Path) -> str:
    """The kind of image in a file by its content, e.g. "PNG" or "WebP"; "" for anything that is no known image.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head[:2] == b"\x1f\x8b":
        return "NIfTI" if _is_nifti(_unzipped(path)) else ""
    return kind_of_bytes(head)


def kind_of_bytes(head: bytes) -> str:
    """The kind of image that begins with these bytes, at least 352 of them where there are as many."""
    if head[128:132] == b"DICM":
        return "DICOM"
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return _HEIF_BRANDS[head[8:12]]
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if _is_nifti(head):
        return "NIfTI"
    if b"NDims" in head and (b"ElementType" in head or b"ElementDataFile" in head) and b"\0" not in head[:16]:
        return "MHA"
    return "DICOM" if _is_bare_dicom(head) else ""


def _is_nifti(head: bytes) -> bool:
    size = _NIFTI_SIZES.get(head[:4])
    magic = head[344:347] if size == 348 else head[4:7]
    return size is not None and magic in (b"n+1", b"ni1", b"n+2", b"ni2")


def _unzipped(path: Path) -> bytes:
    try:
        with gzip.open(path, "rb") as stream:
            return stream.read(_NIFTI_BYTES)
    except (EOFError, OSError, zlib.error):
        return b""


def _is_bare_dicom(head: bytes) -> bool:
    """Whether a data set begins at once, without preamble, as old devices write it."""
    return head[:2] in _DICOM_GROUPS and head[3:4] == b"\0" and head[4:6] in _DICOM_CODES
