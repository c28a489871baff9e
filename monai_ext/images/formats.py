"""The formats of image files, by their content: the name of a file promises nothing."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from monai_ext.landmarks import InputError

#: Kinds that are read; the names are those that people use.
READABLE_KINDS = ("PNG", "JPEG", "BMP", "TIFF", "NIfTI", "NRRD", "MHA", "DICOM")
#: Kind of a DICOM file without pixels of which `monai-landmarks import` may read points.
REPORT = "DICOM report"

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

#: The element of a file's header that names the class of its object, and that of a data set without such a header.
_CLASS_ELEMENTS = (b"\2\0\2\0UI", b"\x08\0\x16\0")
#: Storage classes of structured reports and key object selections begin with this (PS3.4, B.5).
_REPORT_CLASSES = b"1.2.840.10008.5.1.4.1.1.88."
_KEPT_KINDS = 100_000


class Format(NamedTuple):
    """Format of image files and the way in which it is read.

    Args:
        name: what a person calls it; also Pillow's name.
        io: ITK's class for it.
        pillow: decoded by Pillow, 2 to 5 times faster than ITK, and it notices files that are cut short.
        extension: the one under which 3D Slicer opens it.
    """

    name: str
    io: str
    pillow: bool
    extension: str


DICOM = Format("DICOM", "GDCMImageIO", False, ".dcm")
TIFF = Format("TIFF", "TIFFImageIO", False, ".tif")
_PNG = Format("PNG", "PNGImageIO", True, ".png")
_BMP = Format("BMP", "BMPImageIO", True, ".bmp")
_JPEG = Format("JPEG", "JPEGImageIO", True, ".jpg")
_NIFTI = Format("NIfTI", "NiftiImageIO", False, ".nii")
_NRRD = Format("NRRD", "NrrdImageIO", False, ".nrrd")
_MHA = Format("MHA", "MetaImageIO", False, ".mha")
#: By extension, lower case; the longest that fits a file name counts.
FORMATS = {
    ".nii.gz": _NIFTI,
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".jpe": _JPEG,
    ".jfif": _JPEG,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".bmp": _BMP,
    ".nii": _NIFTI,
    ".nrrd": _NRRD,
    ".nhdr": _NRRD,
    ".mha": _MHA,
    ".mhd": _MHA,
    ".dcm": DICOM,
    ".dicom": DICOM,
    ".ima": DICOM,
}
#: Extensions of images.
IMAGE_EXTENSIONS = tuple(FORMATS)
#: Extensions of a known format under which ITK does not look for it.
_UNKNOWN_TO_ITK = (".jpe", ".jfif")
_BY_KIND = {format_.name: format_ for format_ in FORMATS.values()}


def image_format(path: str | Path) -> Format:
    """The format of a file by its content; by its extension if the content is not recognised.

    Raises:
        InputError: there is no such file, it is empty, of a format that is not read, or of a known one under a name
            that ITK does not take for it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no image file {path.name} in {path.parent}: check the path.")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty (0 bytes): export or download it again.")
    kind, stated = image_kind(path), _stated(path)
    found = _BY_KIND.get(kind)
    if found is _NIFTI and stated is not _NIFTI:
        raise InputError(
            f"{path.name} is a NIfTI file with another extension: rename it to .nii, or .nii.gz if zipped."
        )
    if found is not None:
        return found
    if kind == REPORT:
        raise InputError(
            f"{path.name} is a DICOM structured report, whose points `monai-landmarks import` reads, and no image."
        )
    if kind:
        raise InputError(f"{path.name} is a {kind} file, which 3D Slicer does not open as an image: save it as PNG.")
    if stated is None:
        raise InputError(
            f"{path.name} is not an image file of a known format: use one of {', '.join(FORMATS)}, or DICOM of any "
            "name."
        )
    return stated


def slicer_extension(path: Path) -> str:
    """The extension under which 3D Slicer opens an image file; empty if its own is right.

    Raises:
        InputError: as :func:`image_format`.
    """
    found, own = image_format(path), path.suffix.lower()
    return "" if _stated(path) is found and own not in _UNKNOWN_TO_ITK else found.extension


def _stated(path: Path) -> Format | None:
    """The format that the extension promises."""
    return next((FORMATS[extension] for extension in FORMATS if path.name.lower().endswith(extension)), None)


def image_kind(path: Path) -> str:
    """The kind of image in a file by its content, e.g. "PNG" or "WebP"; "" for anything that is no known image.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as stream:
        head = stream.read(_HEAD_BYTES)
    if head[:2] == b"\x1f\x8b":
        return "NIfTI" if _is_nifti(_unzipped(path)) else ""
    return kind_of_bytes(head)


def is_report(path: Path) -> bool:
    """Returns whether a file is a DICOM structured report. Its content is read once, and again when it changed.

    Raises:
        OSError: the file cannot be read.
    """
    stat = path.stat()
    return _kept_kind(path, stat.st_mtime_ns, stat.st_size, stat.st_ino) == REPORT


@lru_cache(_KEPT_KINDS)
def _kept_kind(path: Path, *state: int) -> str:
    return image_kind(path)


def kind_of_bytes(head: bytes) -> str:
    """The kind of image that begins with these bytes, at least 352 of them where there are as many."""
    if head[128:132] == b"DICM":
        return _dicom_kind(head)
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
    return _dicom_kind(head) if _is_bare_dicom(head) else ""


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


def _dicom_kind(head: bytes) -> str:
    """Tells reports from other DICOM by the class in the header, or in the data set, that stands first."""
    places = [place for place in (head.find(element) for element in _CLASS_ELEMENTS) if place >= 0]
    named = (head[place : place + 8 + len(_REPORT_CLASSES)] for place in places)  # tag, code, length, value
    return REPORT if any(_REPORT_CLASSES in element for element in named) else "DICOM"


def _is_bare_dicom(head: bytes) -> bool:
    """Recognises a data set that begins at once, without preamble, as old devices write it."""
    return head[:2] in _DICOM_GROUPS and head[3:4] == b"\0" and head[4:6] in _DICOM_CODES
