"""Volume files of one slice along any axis, pixels beside their header, DICOM with too few pixels."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from monai_ext.images import data_files, joined, read_frame, read_image
from monai_ext.landmarks import InputError

SPACING, ORIGIN = (0.5, 0.2, 3.0), (-40.0, 25.0, 70.0)
#: A rotation about an oblique axis, rows of which are no permutation of the world's.
DIRECTION = np.linalg.qr(np.array([[2.0, 1.0, 0.3], [-0.5, 3.0, 1.0], [0.2, -1.0, 2.5]]))[0]


def volume(pixels: np.ndarray, axis: int) -> sitk.Image:
    """One slice along an axis (x 0, y 1, z 2) of a volume that lies obliquely in space."""
    image = sitk.GetImageFromArray(np.expand_dims(pixels, 2 - axis))
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    image.SetDirection(DIRECTION.ravel().tolist())
    return image


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha", "mhd", "nhdr"])
def test_a_slice_along_any_axis_has_its_pixels_place_and_spacing(
    tmp_path: Path, smooth: np.ndarray, suffix: str, axis: int
) -> None:
    path = tmp_path / f"slice.{suffix}"
    sitk.WriteImage(volume(smooth, axis), str(path))
    array, frame = read_image(path)
    np.testing.assert_array_equal(array[0], smooth)
    assert frame.size == read_frame(path).size == (37, 23)
    itk_image = sitk.ReadImage(str(path))
    for x, y in [(0, 0), (36, 22), (10.25, 3.5), (-0.5, 22.5)]:
        index = [x, y]
        index.insert(axis, 0.0)
        expected = itk_image.TransformContinuousIndexToPhysicalPoint(index)
        np.testing.assert_allclose(frame.to_lps([x, y]), expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(frame.from_lps(expected), [x, y], atol=1e-7)
    kept = [spacing for number, spacing in enumerate(SPACING) if number != axis]
    assert frame.spacing == pytest.approx(kept, rel=1e-6)


def test_real_volumes_are_refused_whichever_axis_is_short(tmp_path: Path, write_dicom: Callable[..., Path]) -> None:
    for shape, words in (((4, 5, 2), "2 x 5 x 4"), ((3, 1, 4, 5), "5 x 4 x 1 x 3"), ((2, 1, 1, 5), "5 x 1 x 1 x 2")):
        path = tmp_path / "volume.nii"
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros(shape, np.uint8), isVector=False), str(path))
        with pytest.raises(InputError, match=rf"more than one slice or frame \({words}\)"):
            read_image(path)
    cine = write_dicom(tmp_path / "cine.dcm", np.zeros((4, 23, 1), np.uint8))
    with pytest.raises(InputError, match=r"more than one slice or frame \(1 x 23 x 4\)"):
        read_image(cine)


@pytest.mark.parametrize("suffix", ["mhd", "nhdr"])
def test_pixels_beside_their_header(tmp_path: Path, smooth: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"slice.{suffix}"
    sitk.WriteImage(volume(smooth, 2), str(path), useCompression=False)
    (companion,) = data_files(path)
    assert companion.suffix == ".raw"
    expected, frame = read_image(path)
    whole = joined(path)
    assert whole is not None
    single = tmp_path / "other" / f"single{whole.extension}"
    single.parent.mkdir()
    single.write_bytes(whole.content)
    np.testing.assert_array_equal(read_image(single)[0], expected)
    np.testing.assert_array_equal(read_image(single)[1].placement, frame.placement)
    assert read_frame(single).spacing == frame.spacing
    assert data_files(single) == ()
    assert joined(single) is None
    content = companion.read_bytes()
    companion.write_bytes(content[:-5])
    with pytest.raises(InputError, match=rf"^slice\.{suffix} .*(cut short|damaged)"):
        read_image(path)
    companion.unlink()
    for read in (read_image, read_frame):
        with pytest.raises(InputError, match=rf"slice\.{suffix} stores its pixels in {companion.name}, which is not"):
            read(path)


def test_a_zipped_nifti_does_not_get_the_pixels_of_the_file_beside_it(tmp_path: Path, smooth: np.ndarray) -> None:
    zipped, plain = tmp_path / "slice.nii.gz", tmp_path / "slice.nii"
    sitk.WriteImage(sitk.GetImageFromArray(smooth), str(zipped))
    sitk.WriteImage(sitk.GetImageFromArray(smooth), str(plain))
    np.testing.assert_array_equal(read_image(zipped)[0][0], smooth)
    sitk.WriteImage(sitk.GetImageFromArray(smooth[::-1]), str(plain))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(zipped))), smooth[::-1])  # a fault of ITK
    np.testing.assert_array_equal(read_image(plain)[0][0], smooth[::-1])
    message = (
        "slice.nii.gz lies beside slice.nii, whose pixels ITK and 3D Slicer would read in the place of its own: move "
        "one of the two to another folder."
    )
    for read in (read_image, read_frame):
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            read(zipped)


@pytest.mark.parametrize("suffix", ["mhd", "nhdr"])
def test_pixels_in_the_headers_own_folder_by_a_path(tmp_path: Path, smooth: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"slice.{suffix}"
    sitk.WriteImage(volume(smooth, 2), str(path), useCompression=False)
    (companion,) = data_files(path)
    expected, frame = read_image(path)
    path.write_text(path.read_text().replace(companion.name, f"./{companion.name}"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).ravel(), expected.ravel())
    np.testing.assert_array_equal(read_image(path)[0], expected)
    assert data_files(path) == (companion,)
    whole = joined(path)
    assert whole is not None
    single = tmp_path / f"single{whole.extension}"
    single.write_bytes(whole.content)
    np.testing.assert_array_equal(read_image(single)[0], expected)
    assert read_frame(single).spacing == frame.spacing


@pytest.mark.parametrize(
    "elsewhere", ["../secret", "./../secret", "./", "/etc/hostname", "..", "LIST", "slice%03d.raw 1 3 1"]
)
@pytest.mark.parametrize("suffix", ["mhd", "mha", "nhdr", "nrrd"])
def test_a_header_does_not_reach_into_other_folders(
    tmp_path: Path, smooth: np.ndarray, suffix: str, elsewhere: str
) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    path = folder / f"slice.{'mhd' if suffix.startswith('m') else 'nhdr'}"
    sitk.WriteImage(volume(smooth, 2), str(path), useCompression=False)
    (companion,) = data_files(path)
    (tmp_path / "secret").write_bytes(companion.read_bytes())
    target = path.with_suffix(f".{suffix}")
    path.replace(target)
    target.write_text(target.read_text().replace(companion.name, elsewhere))
    for read in (read_image, read_frame):
        with pytest.raises(InputError, match=rf"^slice\.{suffix} stores its pixels in (another folder|several files)"):
            read(target)


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("color", [False, True])
def test_dicom_with_too_few_pixels_is_refused(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], syntax: str | None, color: bool
) -> None:
    pixels = np.dstack([smooth] * 3) if color else smooth.astype(np.uint16)
    path = write_dicom(tmp_path / "whole.dcm", pixels)
    dataset = pydicom.dcmread(path)
    if syntax is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.is_implicit_VR = syntax == ImplicitVRLittleEndian
    dataset.save_as(path, write_like_original=False)
    np.testing.assert_array_equal(read_image(path)[0][0], smooth)
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]
    dataset.save_as(tmp_path / "short.dcm", write_like_original=False)
    for read in (read_image, read_frame):
        with pytest.raises(InputError, match=r"^short\.dcm is cut short or damaged: export or download it again\.$"):
            read(tmp_path / "short.dcm")


@pytest.mark.parametrize("suffix", ["mha", "mhd"])
@pytest.mark.parametrize("fault", [None, "damaged", "short", "unstated"])
def test_compressed_mha_without_all_its_pixels_is_refused(
    tmp_path: Path, smooth: np.ndarray, suffix: str, fault: str | None
) -> None:
    path = tmp_path / f"image.{suffix}"
    stored = bytearray(zlib.compress(smooth.tobytes()[: -9 if fault == "short" else None]))
    if fault == "damaged":
        stored[len(stored) // 2] ^= 0xFF
    size = "" if fault == "unstated" else f"CompressedDataSize = {len(stored)}\n"
    header = f"NDims = 2\nDimSize = 37 23\nElementType = MET_UCHAR\nCompressedData = True\n{size}ElementDataFile = "
    if suffix == "mha":
        path.write_bytes(f"{header}LOCAL\n".encode() + stored)
    else:
        path.write_text(f"{header}image.zraw\n")
        (tmp_path / "image.zraw").write_bytes(stored)
    if fault is None or (fault, suffix) == ("unstated", "mhd"):  # there the file ends with the pixels
        np.testing.assert_array_equal(read_image(path)[0][0], smooth)
        whole = joined(path)
        if whole is not None:
            (tmp_path / "whole.mha").write_bytes(whole.content)
            np.testing.assert_array_equal(read_image(tmp_path / "whole.mha")[0][0], smooth)
        return
    for read in (read_image, read_frame):
        with pytest.raises(InputError, match=rf"^image\.{suffix} is cut short or damaged: export or download it again"):
            read(path)


def test_compressed_dicom_is_not_measured_by_its_bytes(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path]
) -> None:
    dataset = pydicom.dcmread(write_dicom(tmp_path / "whole.dcm", smooth))
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "rle.dcm", write_like_original=False)
    np.testing.assert_array_equal(read_image(tmp_path / "rle.dcm")[0][0], smooth)
