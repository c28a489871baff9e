"""TIFF of every kind: the pixels as stored, and the place where ITK shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile
from tiff_cases import CASES, DEEP, GREY, RGB, oriented, written

from monai_ext.images import read_frame, read_image
from monai_ext.landmarks import InputError

itk = pytest.importorskip("itk")


@pytest.mark.parametrize("name", CASES)
def test_pixels_are_those_stored_or_the_refusal_names_the_tag(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    case, path = CASES[name], tmp_path / "case.tif"
    case.write(path)
    if case.pixels is None:
        with pytest.raises(InputError, match=rf"^case\.tif .*{case.refusal}.*\.$") as caught:
            read_image(path)
        assert "\n" not in str(caught.value)
    else:
        colors = case.pixels.ndim == 3
        array, frame = read_image(path, "rgb" if colors else "grey")
        expected = case.pixels.transpose(2, 0, 1) if colors else case.pixels[None]
        np.testing.assert_allclose(array, expected.astype(np.float32), rtol=0, atol=case.tolerance)
        assert frame.size == read_frame(path).size == (48, 32)
    assert capfd.readouterr() == ("", "")


DENSITIES = [((300, 300), 2), ((300, 150), 2), ((118.11, 100), 3), ((300, 300), 1), ((0, 0), 2), ((0.5, 3), 3),
             ((1e-5, 1e5), 2), ((72, 0), 2), ((71.99999, 254.7), 2), ((1 / 3, 2 / 7), 3), (None, None)]  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}, {"compression": "zstd"},
                                     {"photometric": "miniswhite"}, {"tile": (16, 16)}])  # fmt: skip
@pytest.mark.parametrize(("density", "unit"), DENSITIES)
def test_placement_is_the_one_that_itk_reads(
    tmp_path: Path, density: tuple[float, float] | None, unit: int | None, options: dict
) -> None:
    path = tmp_path / "case.tif"
    written(GREY, resolution=density, resolutionunit=unit, **options)(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    frame = read_frame(path)
    points = [(0, 0), (47, 31), (10, 3)]
    expected = [reader.GetOrigin()[axis] + np.array(points)[:, axis] * reader.GetSpacing()[axis] for axis in (0, 1)]
    np.testing.assert_array_equal(frame.to_lps(points)[:, :2], np.transpose(expected))
    np.testing.assert_array_equal(frame.placement, read_image(path)[1].placement)
    assert frame.spacing is None
    assert reader.GetDirection() == (1.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("density", [None, (300, 150)])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_a_stored_pixel_lies_where_itk_shows_it(
    tmp_path: Path, orientation: int, density: tuple[int, int] | None, pixels: np.ndarray
) -> None:
    path, single = tmp_path / "case.tif", np.zeros_like(pixels)
    single[5, 10] = 255
    oriented(single, orientation, resolution=density, resolutionunit=2)(path)
    shown = itk.imread(str(path))
    array = np.asarray(itk.array_from_image(shown))
    row, column = np.argwhere((array[..., 0] if array.ndim == 3 else array) == 255)[0]
    index = itk.ContinuousIndex[itk.D, 2]()
    index[0], index[1] = float(column), float(row)
    lps = list(shown.TransformContinuousIndexToPhysicalPoint(index))
    for frame in (read_frame(path), read_image(path)[1]):
        np.testing.assert_allclose(frame.to_lps([10, 5])[:2], lps, rtol=1e-12)
        np.testing.assert_allclose(frame.from_lps([*lps, 0.0]), [10, 5], atol=1e-9)
    assert read_image(path)[0][0, 5, 10] == 255


def test_a_strip_that_ends_early_is_damaged_and_no_black_area(tmp_path: Path) -> None:
    for compression in (None, "lzw", "deflate", "packbits", "zstd", "lzma"):
        path = tmp_path / "case.tif"
        written(DEEP, compression=compression, rowsperstrip=8)(path)
        with tifffile.TiffFile(path, mode="r+") as file:
            tag = file.pages[0].tags[279]
            counts = list(tag.value)
            counts[1] //= 2
            tag.overwrite(counts)
        with pytest.raises(InputError, match=r"^case\.tif .*(damaged|cut short)"):
            read_image(path)


def test_a_tile_that_was_never_written_is_no_black_area(tmp_path: Path) -> None:
    path = tmp_path / "case.tif"
    written(DEEP, tile=(16, 16), compression="deflate")(path)
    with tifffile.TiffFile(path, mode="r+") as file:
        for code in (324, 325):
            tag = file.pages[0].tags[code]
            tag.overwrite([0, *tag.value[1:]])
    with pytest.raises(InputError, match=r"^case\.tif is cut short or damaged"):
        read_image(path)
