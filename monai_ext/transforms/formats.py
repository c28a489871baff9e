"""The formats of image files: told by content, not by name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from monai_ext.landmarks.errors import InputError
from monai_ext.landmarks.image_kind import image_kind


class Format(NamedTuple):
    """How a kind of file is read.

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
FORMATS = {
    ".png": _PNG,
    ".bmp": _BMP,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".jpe": _JPEG,
    ".jfif": _JPEG,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".nii": _NIFTI,
    ".nii.gz": _NIFTI,
    ".nrrd": _NRRD,
    ".nhdr": _NRRD,
    ".mha": _MHA,
    ".mhd": _MHA,
    ".dcm": DICOM,
    ".dicom": DICOM,
    ".ima": DICOM,
}
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
    name = path.name.lower()
    return FORMATS[".nii.gz"] if name.endswith(".nii.gz") else FORMATS.get(path.suffix.lower())
