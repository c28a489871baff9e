"""DICOM pixels that ITK's GDCM decodes wrongly are decoded, or refused with the reason."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, JPEGBaseline8Bit, RLELossless

from monai_ext.images import read_pixels
from monai_ext.landmarks import InputError


def without_marks(jpeg: bytes) -> bytes:
    """A JPEG file without the segments (JFIF, Adobe) that say what its components are."""
    kept, place = bytearray(jpeg[:2]), 2
    while jpeg[place + 1] != 0xDA:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        kept += b"" if jpeg[place + 1] in (0xE0, 0xEE) else jpeg[place:end]
        place = end
    return bytes(kept + jpeg[place:])


def with_jpeg(path: Path, jpeg: bytes, interpretation: str) -> Path:
    """The DICOM file with a JPEG in the place of its pixels."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID, dataset.PhotometricInterpretation = JPEGBaseline8Bit, interpretation
    dataset.PixelData = encapsulate([jpeg])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(
    ("ycc", "marked", "interpretation"),
    [
        (True, True, "YBR_FULL_422"),
        (True, True, "RGB"),  # a JPEG file that was put into DICOM as it is
        (True, False, "YBR_FULL_422"),
        (False, True, "RGB"),
        (False, True, "YBR_FULL_422"),
        (False, False, "RGB"),
    ],
)
def test_colours_of_a_jpeg_are_those_that_it_holds(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], ycc: bool, marked: bool, interpretation: str
) -> None:
    rgb = np.stack([smooth, 255 - smooth, np.full_like(smooth, 90)], -1)
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=100, subsampling=0, keep_rgb=not ycc)
    jpeg = stream.getvalue() if marked else without_marks(stream.getvalue())
    found = read_pixels(with_jpeg(write_dicom(tmp_path / "a.dcm", rgb), jpeg, interpretation))
    np.testing.assert_allclose(found.astype(int), rgb, atol=3)  # of 8-bit YCbCr and quality 100


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_in_rle(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], dtype: type[np.unsignedinteger]
) -> None:
    rgb = np.stack([smooth, smooth[::-1], smooth[:, ::-1]], -1).astype(dtype) * dtype(np.iinfo(dtype).max // 255)
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", rgb))
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "rle.dcm")
    np.testing.assert_array_equal(read_pixels(tmp_path / "rle.dcm"), rgb)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize(("stored", "high"), [(12, 15), (12, 13), (15, 15)])
def test_values_at_higher_bits_are_refused_and_a_wrong_highbit_alone_is_not(
    tmp_path: Path, write_dicom: Callable[..., Path], stored: int, high: int, signed: int
) -> None:
    values = np.arange(-(2 ** (stored - 1)) * signed, 2 ** (stored - signed), 2 ** (stored - 8)).reshape(16, 16)
    bits = {"BitsStored": stored, "HighBit": high, "PixelRepresentation": signed}
    low = write_dicom(tmp_path / "low.dcm", values.astype(np.uint16), **bits)
    np.testing.assert_array_equal(read_pixels(low)[..., 0], values)
    raised = (values << (high + 1 - stored)).astype(np.uint16)
    message = (
        f"raised.dcm has its values of {stored} bits at the bits up to {high} (HighBit), where neither ITK nor 3D "
        f"Slicer reads them: save it with HighBit {stored - 1}."
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        read_pixels(write_dicom(tmp_path / "raised.dcm", raised, **bits))


@pytest.mark.parametrize(
    ("bits", "interpretation", "big"),
    [(20, "MONOCHROME2", False), (32, "MONOCHROME1", False), (32, "MONOCHROME2", True)],
)
def test_numbers_of_32_bits_are_read_in_one_form_alone(
    tmp_path: Path, write_dicom: Callable[..., Path], bits: int, interpretation: str, big: bool
) -> None:
    values = np.arange(256, dtype=np.uint32).reshape(16, 16) << 12
    np.testing.assert_array_equal(read_pixels(write_dicom(tmp_path / "known.dcm", values))[..., 0], values)
    stated = {"BitsStored": bits, "HighBit": bits - 1, "PhotometricInterpretation": interpretation}
    path = write_dicom(tmp_path / "a.dcm", values, **stated)
    coding = f"Explicit VR {'Big' if big else 'Little'} Endian, {bits} of 32 bits, {interpretation}"
    if big:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID, dataset.is_little_endian = ExplicitVRBigEndian, False
        dataset.PixelData = values.astype(">u4").tobytes()
        dataset.save_as(path)
    message = (
        f"a.dcm has numbers of 32 bits that ITK and 3D Slicer read wrongly ({coding}): save it as MONOCHROME2 in "
        "Explicit VR Little Endian with all bits of its numbers."
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        read_pixels(path)


def test_pixels_that_cannot_be_decoded_are_named(tmp_path: Path, write_dicom: Callable[..., Path]) -> None:
    path = write_dicom(tmp_path / "a.dcm", np.zeros((4, 6), np.uint8), BitsStored=6, HighBit=5)
    message = (
        "a.dcm has DICOM pixels that cannot be decoded (Explicit VR Little Endian, 6 of 8 bits, MONOCHROME2): it is "
        "damaged, or has to be saved uncompressed as MONOCHROME2 or RGB with all bits of its numbers."
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        read_pixels(path)
