"""The formats of image files, by their content: the name of a file promises nothing."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import NamedTuple

from monai_ext.landmarks import InputError

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
    """The format of a file by its content; by its extension where the content tells nothing.

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
        raise InputError(f"{path.name} is a NIfTI file under another name: rename it to .nii, or .nii.gz if zipped.")
    if found is not None:
        return found
    if kind:
        raise InputError(f"{path.name} is a {kind} file, which 3D Slicer does not open as an image: save it as PNG.")
    if stated is None:
        raise InputError(f"{path.name} is no known image file: use one of {', '.join(FORMATS)}, or DICOM of any name.")
    return stated


def slicer_extension(path: Path) -> str:
    """The extension under which 3D Slicer opens an image file; empty where its own is right.

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
    """Recognises a data set that begins at once, without preamble, as old devices write it."""
    return head[:2] in _DICOM_GROUPS and head[3:4] == b"\0" and head[4:6] in _DICOM_CODES
