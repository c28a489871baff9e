"""EXIF orientation, against Pillow's own turning of a picture with one bright pixel."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps, PngImagePlugin

from monai_ext.images import read_exif_orientation, stored_to_upright, upright_size, upright_to_stored

SIZE = (5, 3)


def oriented(path: Path, pixels: np.ndarray, orientation: int | None) -> Path:
    """An image file that states an EXIF orientation."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    options = {"lossless": True} if path.suffix == ".webp" else {}
    Image.fromarray(pixels).save(path, exif=exif.tobytes(), **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_pixel_of_the_upright_picture_is_found_in_the_stored_one(tmp_path: Path, orientation: int) -> None:
    for x, y in np.ndindex(*SIZE):
        stored = np.zeros(SIZE[::-1], np.uint8)
        stored[y, x] = 255
        path = oriented(tmp_path / "i.png", stored, orientation)
        with Image.open(path) as image:
            upright = np.asarray(ImageOps.exif_transpose(image))
        ((row, column),) = np.argwhere(upright == 255)
        assert read_exif_orientation(path) == orientation
        assert upright.shape[::-1] == upright_size(orientation, SIZE)
        assert upright_to_stored([column, row], orientation, SIZE).tolist() == [x, y]
        assert stored_to_upright([x, y], orientation, SIZE).tolist() == [column, row]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_between_pixels_and_undefined_ones_go_and_come_back(orientation: int) -> None:
    points = np.array([[[0.25, 1.5], [np.nan, np.nan]], [[-0.5, -0.5], [2.125, 4.5]]])
    stored = upright_to_stored(points, orientation, SIZE)
    assert stored.shape == points.shape
    np.testing.assert_array_equal(stored_to_upright(stored, orientation, SIZE), points)
    corner = upright_to_stored([-0.5, -0.5], orientation, SIZE)
    assert corner[0] in (-0.5, SIZE[0] - 0.5)
    assert corner[1] in (-0.5, SIZE[1] - 0.5)


@pytest.mark.parametrize(
    ("orientation", "stored"), [(3, [53, 42]), (6, [5, 37]), (8, [58, 10]), (5, [5, 10]), (7, [58, 37])]
)
def test_the_known_places_of_a_photo_of_64_by_48(orientation: int, stored: list[int]) -> None:
    assert upright_to_stored([10, 5], orientation, (64, 48)).tolist() == stored


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif"])
def test_the_orientation_is_read_from_each_format_that_states_one(tmp_path: Path, extension: str) -> None:
    pixels = np.zeros((6, 8, 3), np.uint8)
    for orientation in range(1, 9):
        assert read_exif_orientation(oriented(tmp_path / f"i{extension}", pixels, orientation)) == orientation


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_tiff_is_read_also_where_pillow_does_not_open_it(
    tmp_path: Path, dtype: str, orientation: int
) -> None:
    path = tmp_path / "i.tif"
    tifffile.imwrite(path, np.zeros((6, 8), dtype), extratags=[(274, "H", 1, orientation, True)])
    assert read_exif_orientation(path) == orientation


@pytest.mark.parametrize("stated", [0, 9, 65535])
def test_a_tiff_without_a_known_orientation_and_a_damaged_one_are_upright(tmp_path: Path, stated: int) -> None:
    path = tmp_path / "i.tif"
    tifffile.imwrite(path, np.zeros((6, 8), "float64"), extratags=[(274, "H", 1, stated, True)])
    assert read_exif_orientation(path) == 1
    path.write_bytes(path.read_bytes()[:20])
    assert read_exif_orientation(path) == 1


@pytest.mark.parametrize("stated", [None, 0, 9, 65535])
def test_an_image_without_a_known_orientation_is_upright(tmp_path: Path, stated: int | None) -> None:
    assert read_exif_orientation(oriented(tmp_path / "i.jpg", np.zeros((6, 8, 3), np.uint8), stated)) == 1


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("orientation", [None, 1, 8])
def test_an_orientation_in_xmp_alone_turns_nothing(tmp_path: Path, extension: str, orientation: int | None) -> None:
    exif = Image.Exif()
    exif[0x010E] = "no orientation"
    if orientation is not None:
        exif[0x0112] = orientation
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    path = tmp_path / f"i{extension}"
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    Image.new("RGB", (8, 6)).save(
        path, exif=exif.tobytes(), **({"pnginfo": text} if extension == ".png" else {"xmp": xmp})
    )
    with Image.open(path) as image:  # Pillow itself takes it from there
        assert image.getexif()[0x0112] == (orientation or 6)
    assert read_exif_orientation(path) == (orientation or 1)


def test_a_damaged_block_and_another_format_are_upright(tmp_path: Path) -> None:
    Image.new("L", (8, 6)).save(tmp_path / "i.jpg", exif=b"Exif\0\0II*\0" + struct.pack("<I", 9999))
    (tmp_path / "i.nrrd").write_bytes(b"NRRD0004\n")
    assert read_exif_orientation(tmp_path / "i.jpg") == 1
    assert read_exif_orientation(tmp_path / "i.nrrd") == 1


def test_an_orientation_that_exif_does_not_know_has_no_map() -> None:
    with pytest.raises(KeyError):
        upright_to_stored([0, 0], 9, SIZE)
