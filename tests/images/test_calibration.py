"""The real size of a pixel, and when it is honestly unknown."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image
from pydicom.dataset import Dataset

from monai_ext.images import read_frame, read_image
from monai_ext.landmarks import InputError

CR_IMAGE, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"


def test_print_density_places_but_does_not_calibrate(tmp_path: Path, smooth: np.ndarray) -> None:
    image = Image.fromarray(smooth)
    expected = {"png": (1.0, 1.0), "bmp": (1.0, 1.0), "jpg": (0.254, 0.127), "tif": (0.254, 0.127)}
    for suffix, (x, y) in expected.items():
        path = tmp_path / f"a.{suffix}"
        image.save(path, dpi=(100, 200))
        for frame in (read_image(path)[1], read_frame(path)):
            np.testing.assert_allclose(frame.placement, [[x, 0, 0], [0, y, 0], [0, 0, 0]], atol=1e-6)
            assert (frame.spacing, frame.spacing_source, frame.unit) == (None, "none", "px")


def test_anisotropic_nifti_keeps_its_signs(tmp_path: Path, smooth: np.ndarray) -> None:
    image = sitk.GetImageFromArray(smooth[None])
    image.SetSpacing((0.5, 0.25, 3))
    image.SetDirection((-1, 0, 0, 0, 1, 0, 0, 0, 1))
    image.SetOrigin((10, 20, 30))
    sitk.WriteImage(image, str(tmp_path / "a.nii"))
    frame = read_frame(tmp_path / "a.nii")
    np.testing.assert_allclose(frame.to_lps([4, 8]), [10 - 2, 20 + 2, 30])
    assert (frame.spacing, frame.spacing_source) == ((0.5, 0.25), "NIfTI")


@pytest.mark.parametrize(("unit", "millimetres"), [(1, 1000.0), (2, 1.0), (3, 0.001), (0, 1.0)])
def test_nifti_units_are_converted(tmp_path: Path, smooth: np.ndarray, unit: int, millimetres: float) -> None:
    image = sitk.GetImageFromArray(smooth)
    image.SetSpacing((0.5, 0.25))
    path = tmp_path / "a.nii"
    sitk.WriteImage(image, str(path))
    raw = bytearray(path.read_bytes())
    raw[123] = unit
    path.write_bytes(raw)
    frame = read_frame(path)
    np.testing.assert_allclose(frame.scale, [0.5 * millimetres, 0.25 * millimetres], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(frame.placement[:, :2], axis=0), frame.scale, rtol=1e-6)


@pytest.mark.parametrize("pixdim", [(0.0, 0.0), (-0.5, 0.7), (np.nan, 0.7)])
def test_invalid_nifti_spacing_warns_and_leaves_pixels(
    tmp_path: Path, smooth: np.ndarray, pixdim: tuple[float, float]
) -> None:
    path = tmp_path / "a.nii"
    sitk.WriteImage(sitk.GetImageFromArray(smooth), str(path))
    raw = bytearray(path.read_bytes())
    struct.pack_into("<2f", raw, 80, *pixdim)
    struct.pack_into("<2h", raw, 252, 0, 0)  # neither qform nor sform
    path.write_bytes(raw)
    with pytest.warns(UserWarning, match=r"a\.nii: the pixel spacing of the NIfTI header"):
        frame = read_frame(path)
    assert frame.spacing is None


def write_nrrd(path: Path, *fields: str, sizes: str = "4 3") -> Path:
    counts = [int(count) for count in sizes.split()]
    lines = ["NRRD0004", "type: uint8", f"dimension: {len(counts)}", f"sizes: {sizes}", "encoding: raw", *fields]
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + bytes(math.prod(counts)))
    return path


@pytest.mark.parametrize(
    ("fields", "spacing"),
    [
        ((), None),
        (("spacings: nan nan",), None),
        (("spacings: 0.5 nan",), None),
        (("spacings: 0.5 0.25",), (0.5, 0.25)),
        (("spacings: 0.5 0.25", 'units: "mm" "mm"'), (0.5, 0.25)),
        (("space dimension: 2", "space directions: (0.5,0) (0, 0.25)", "space origin: (1,2)"), (0.5, 0.25)),
        (("space dimension: 2", "space directions: (0,0.5) (0.25,0)", 'space units: "mm" "mm"'), (0.5, 0.25)),
    ],
)
def test_nrrd_is_calibrated_only_where_its_header_states_a_spacing(
    tmp_path: Path, fields: tuple[str, ...], spacing: tuple[float, float] | None
) -> None:
    frame = read_frame(write_nrrd(tmp_path / "a.nrrd", *fields))
    assert frame.spacing == spacing
    assert frame.spacing_source == ("none" if spacing is None else "NRRD")


@pytest.mark.parametrize(
    ("sizes", "fields", "spacing"),
    [
        ("4 3 1", ("spacings: 0.5 0.25 nan",), (0.5, 0.25)),
        ("4 3 1", ("spacings: nan 0.25 5",), None),
        ("1 4 3", ("spacings: 9 nan 0.25",), None),
        ("1 4 3", ("spacings: nan 0.5 0.25",), (0.5, 0.25)),
        ("4 3 1", ("space dimension: 3", "space directions: (0.5,0,0) (0,0.25,0) none"), (0.5, 0.25)),
        ("1 4 3", ("space dimension: 3", "space directions: (9,0,0) none (0,0,0.25)"), None),
        ("3 4 3", ("kinds: RGB-color domain domain", "spacings: nan 0.5 0.25"), (0.5, 0.25)),
        ("3 4 3 1", ("kinds: RGB-color domain domain domain", "spacings: nan nan 0.25 5"), None),
        (
            "3 4 3",
            ("kinds: vector domain domain", "space dimension: 2", "space directions: none (0.5,0) (0,0.25)"),
            (0.5, 0.25),
        ),
    ],
)
def test_a_nrrd_spacing_of_another_axis_is_not_that_of_the_pixels(
    tmp_path: Path, sizes: str, fields: tuple[str, ...], spacing: tuple[float, float] | None
) -> None:
    frame = read_frame(write_nrrd(tmp_path / "a.nrrd", *fields, sizes=sizes))
    assert (frame.size, frame.spacing) == ((4, 3), spacing)


def test_nrrd_in_other_units_is_not_called_millimetres(tmp_path: Path) -> None:
    path = write_nrrd(
        tmp_path / "a.nrrd", "space dimension: 2", "space directions: (5,0) (0,5)", 'space units: "um" "um"'
    )
    with pytest.warns(UserWarning, match=r"a\.nrrd: the NRRD header gives lengths in um"):
        assert read_frame(path).spacing is None


def test_negative_nrrd_spacing_warns(tmp_path: Path) -> None:
    path = write_nrrd(tmp_path / "a.nrrd", "spacings: -0.5 1")
    with pytest.warns(UserWarning, match=r"NRRD header is -0\.5 x 1"):
        assert read_frame(path).spacing is None


def write_mha(path: Path, *fields: str) -> Path:
    head = ["ObjectType = Image", "NDims = 2", "BinaryData = True", "CompressedData = False", *fields]
    tail = ["DimSize = 4 3", "ElementType = MET_UCHAR", "ElementDataFile = LOCAL"]
    path.write_bytes("\n".join(head + tail).encode() + b"\n" + bytes(12))
    return path


def test_mha_is_calibrated_only_where_its_header_states_a_spacing(tmp_path: Path) -> None:
    assert read_frame(write_mha(tmp_path / "a.mha")).spacing is None
    assert read_frame(write_mha(tmp_path / "b.mha", "ElementSpacing = 0.5 0.25")).spacing == (0.5, 0.25)
    assert read_frame(write_mha(tmp_path / "c.mha", "ElementSize = 0.5 0.25")).spacing == (0.5, 0.25)
    frame = read_frame(write_mha(tmp_path / "d.mha", "Offset = 7 8", "ElementSpacing = 0.5 0.25"))
    np.testing.assert_allclose(frame.to_lps([2, 2]), [8, 8.5, 0])
    assert frame.spacing_source == "MHA"


@pytest.mark.parametrize("unit", ["um", "cm"])
def test_mha_in_other_units_is_not_called_millimetres(tmp_path: Path, unit: str) -> None:
    path = write_mha(tmp_path / "a.mha", f"DistanceUnits = {unit}", "ElementSpacing = 5 4")
    with pytest.warns(UserWarning, match=rf"a\.mha: the MHA header gives lengths in {unit}, not mm; lengths"):
        frame = read_frame(path)
    assert (frame.spacing, frame.unit) == (None, "px")
    np.testing.assert_allclose(frame.placement[:, :2], [[5, 0], [0, 4], [0, 0]])  # as ITK, which knows no unit


@pytest.mark.parametrize("unit", ["mm", "?"])
def test_mha_is_in_millimetres_where_it_names_no_other_unit(tmp_path: Path, unit: str) -> None:
    path = write_mha(tmp_path / "a.mha", f"DistanceUnits = {unit}", "ElementSpacing = 0.5 0.25")
    assert read_frame(path).spacing == (0.5, 0.25)


def test_zero_mha_spacing_cannot_be_placed(tmp_path: Path) -> None:
    with (
        pytest.warns(UserWarning, match="not two positive numbers"),
        pytest.raises(InputError, match=r"a\.mha cannot be placed"),
    ):
        read_frame(write_mha(tmp_path / "a.mha", "ElementSpacing = 0 0.25"))


@pytest.mark.parametrize("sop_class", [CR_IMAGE, SECONDARY_CAPTURE])
@pytest.mark.parametrize(
    ("elements", "spacing", "source"),
    [
        ({}, None, "none"),
        ({"PixelSpacing": ["0.2", "0.1"]}, (0.1, 0.2), "DICOM PixelSpacing"),
        ({"ImagerPixelSpacing": ["0.2", "0.1"]}, (0.1, 0.2), "DICOM ImagerPixelSpacing"),
        ({"NominalScannedPixelSpacing": ["0.2", "0.1"]}, (0.1, 0.2), "DICOM NominalScannedPixelSpacing"),
        (
            {"PixelSpacing": ["0.2", "0.1"], "ImagerPixelSpacing": ["0.4", "0.3"]},
            (0.1, 0.2),
            "DICOM PixelSpacing",
        ),
        (
            {"ImagerPixelSpacing": ["0.4", "0.3"], "NominalScannedPixelSpacing": ["0.9", "0.8"]},
            (0.3, 0.4),
            "DICOM ImagerPixelSpacing",
        ),
    ],
)
def test_dicom_spacing_is_row_spacing_first(
    tmp_path: Path,
    smooth: np.ndarray,
    write_dicom: Callable[..., Path],
    sop_class: str,
    elements: dict[str, list[str]],
    spacing: tuple[float, float] | None,
    source: str,
) -> None:
    frame = read_frame(write_dicom(tmp_path / "a.dcm", smooth, sop_class, **elements))
    assert frame.spacing == spacing
    assert frame.spacing_source == source


def functional_groups(*spacing: str) -> Dataset:
    """Functional groups of an enhanced object with a spacing of rows and columns, or without one."""
    measures, groups = Dataset(), Dataset()
    if spacing:
        measures.PixelSpacing = list(spacing)
        groups.PixelMeasuresSequence = [measures]
    return groups


@pytest.mark.parametrize(
    ("shared", "frames"),
    [
        (functional_groups("0.2", "0.1"), []),
        (functional_groups("0.2", "0.1"), [functional_groups()]),
        (functional_groups(), [functional_groups("0.2", "0.1")]),
        (functional_groups(), [functional_groups("0.2", "0.1"), functional_groups("0.2", "0.1")]),
    ],
)
def test_dicom_spacing_of_an_enhanced_object(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], shared: Dataset, frames: list[Dataset]
) -> None:
    groups = {"SharedFunctionalGroupsSequence": [shared], "PerFrameFunctionalGroupsSequence": frames}
    frame = read_frame(write_dicom(tmp_path / "a.dcm", smooth, **groups))
    assert (frame.spacing, frame.spacing_source) == ((0.1, 0.2), "DICOM PixelSpacing")


@pytest.mark.parametrize("other", [("0.4", "0.3"), ()])
def test_no_frame_is_guessed_where_an_enhanced_object_states_several_spacings(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], other: tuple[str, ...]
) -> None:
    frames = [functional_groups("0.2", "0.1"), functional_groups(*other)]
    path = write_dicom(tmp_path / "a.dcm", smooth, PerFrameFunctionalGroupsSequence=frames)
    with pytest.warns(UserWarning, match=r"a\.dcm: the DICOM PixelSpacing header differs between frames"):
        frame = read_frame(path)
    assert (frame.spacing, frame.unit) == (None, "px")


@pytest.mark.parametrize("ratio", [["2", "1"], ["11", "12"]])
def test_pixels_that_are_not_square_need_a_size(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], ratio: list[str]
) -> None:
    path = write_dicom(tmp_path / "loop.dcm", smooth, PixelAspectRatio=ratio)
    for read in (read_frame, read_image):
        with pytest.raises(InputError, match=r"loop\.dcm has pixels that are not square") as caught:
            read(path)
        assert f"(PixelAspectRatio {ratio[0]}\\{ratio[1]})" in str(caught.value)
    elements = {"PixelAspectRatio": ratio, "ImagerPixelSpacing": ["0.2", "0.1"]}
    assert read_frame(write_dicom(path, smooth, **elements)).spacing == (0.1, 0.2)


@pytest.mark.parametrize("ratio", [["1", "1"], ["3", "3"], [], ["1"], ["x", "1"]])
@pytest.mark.filterwarnings("ignore:Invalid value for VR IS")
def test_pixels_of_no_other_ratio_are_square(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], ratio: list[str]
) -> None:
    path = write_dicom(tmp_path / "loop.dcm", smooth, PixelAspectRatio=[] if "x" in ratio else ratio)
    if "x" in ratio:
        path = write_dicom(path, smooth, PixelAspectRatio=["7", "1"])
        path.write_bytes(path.read_bytes().replace(b"7\\1 ", b"x\\1 "))
    assert (read_frame(path).spacing, read_frame(path).unit) == (None, "px")


@pytest.mark.parametrize("value", [["0", "0.1"], ["-0.2", "0.1"]])
def test_invalid_dicom_spacing_warns(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], value: list[str]
) -> None:
    path = write_dicom(tmp_path / "a.dcm", smooth, ImagerPixelSpacing=value)
    with pytest.warns(UserWarning, match=r"a\.dcm: the pixel spacing of the DICOM ImagerPixelSpacing header"):
        frame = read_frame(path)
    assert frame.spacing is None
