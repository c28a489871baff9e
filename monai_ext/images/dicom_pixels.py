"""Pixels of DICOM files that GDCM, by which ITK and 3D Slicer read them, decodes wrongly or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin
from pydicom.dataset import Dataset
from pydicom.encaps import defragment_data
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)

from monai_ext.landmarks import InputError

_TAGS = ("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit")
#: Transfer syntaxes of numbers as they are stored, whose bits are cut out on reading.
_NUMBERS = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
)
#: Letters that name the components of a JPEG of red, green and blue, as libjpeg takes them.
_RGB_LETTERS = list(b"RGB")


def decode_dicom(path: Path) -> NDArray[Any] | None:
    """Decodes the pixels of a DICOM file of one frame that GDCM has read, but not as they are.

    These are colours in a JPEG whose own marks (JFIF, Adobe's, letters for components) contradict the file's
    PhotometricInterpretation, which GDCM follows, and colours of more than 8 bits in RLE.

    Returns:
        (H, W, 3), or None where what GDCM reads is right.

    Raises:
        InputError: the values lie higher in their numbers than at the lowest bits (HighBit), or are of 32 bits in one
            of the ways that GDCM does not know.
    """
    tags = _header(path)
    syntax = tags.file_meta.get("TransferSyntaxUID")
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit) and tags.get("SamplesPerPixel") == 3:
        return _jpeg_colors(path, str(tags.get("PhotometricInterpretation")))
    if syntax == RLELossless and tags.get("PhotometricInterpretation") == "RGB" and tags.BitsAllocated > 8:
        return np.asarray(pydicom.dcmread(path).pixel_array)
    if syntax in _NUMBERS:
        _check_bits(path, tags)
        _check_32_bits(path, tags, syntax)
    return None


def describe_coding(path: Path) -> str:
    """How the pixels of a DICOM file are coded, for a message."""
    tags = _header(path)
    syntax = UID(tags.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian))
    return f"{syntax.name}, {tags.get('BitsStored')} of {tags.get('BitsAllocated')} bits, {tags.get(_TAGS[1])}"


def _header(path: Path) -> Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=[*_TAGS])


def _jpeg_colors(path: Path, stated: str) -> NDArray[np.uint8] | None:
    frame = defragment_data(pydicom.dcmread(path, force=True).PixelData)
    with Image.open(io.BytesIO(frame), formats=("JPEG",)) as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        marked = _marked_ycc(image)
        if marked is None or marked == stated.startswith("YBR"):
            return None
        return np.asarray(image.convert("RGB"))


def _marked_ycc(image: JpegImagePlugin.JpegImageFile) -> bool | None:
    """Whether a JPEG of three components says that it holds YCbCr; None if it says nothing."""
    if "jfif" in image.info:
        return True
    if "adobe_transform" in image.info:
        return bool(image.info["adobe_transform"])
    return False if [component for component, *_ in image.layer] == _RGB_LETTERS else None


def _check_bits(path: Path, tags: Dataset) -> None:
    """Refuses values at higher bits: GDCM reads the lowest ones, whatever HighBit states."""
    stored, highest = tags.get("BitsStored"), tags.get("HighBit")
    if not isinstance(stored, int) or not isinstance(highest, int) or highest < stored:
        return
    numbers = pydicom.dcmread(path, force=True).pixel_array
    low = numbers.astype(np.int64) & ((1 << 8 * numbers.itemsize) - 1) < 1 << stored
    if numbers.dtype.kind == "i":  # or the sign is repeated at all bits above the value's
        low |= np.isin(numbers >> (stored - 1), (0, -1))
    if not low.all():
        raise InputError(
            f"{path.name} has its values of {stored} bits at the bits up to {highest} (HighBit), where neither ITK nor "
            f"3D Slicer reads them: save it with HighBit {stored - 1}."
        )


def _check_32_bits(path: Path, tags: Dataset, syntax: str) -> None:
    """Refuses numbers of 32 bits of which GDCM reads the lower half alone, or what happened to be in memory."""
    known = tags.get("BitsStored") == 32 and tags.get("PhotometricInterpretation") == "MONOCHROME2"
    if tags.get("BitsAllocated") == 32 and not (known and syntax != ExplicitVRBigEndian):
        raise InputError(
            f"{path.name} has numbers of 32 bits that ITK and 3D Slicer read wrongly ({describe_coding(path)}): save "
            "it as MONOCHROME2 in Explicit VR Little Endian with all bits of its numbers."
        )
