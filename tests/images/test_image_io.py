from __future__ import annotations

import gzip
import shutil
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from monai_ext.images import FORMATS, read_frame, read_image
from monai_ext.landmarks import InputError

LUMA = np.array([0.299, 0.587, 0.114])


def colors(smooth: np.ndarray) -> np.ndarray:
    return np.stack([smooth, smooth[::-1], smooth[:, ::-1]], axis=-1)


def itk_pixels(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


# --- pixels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "nii", "nii.gz", "nrrd", "mha", "dcm"])
def test_grey_pixels_are_the_stored_numbers_rows_first(tmp_path: Path, smooth: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    if suffix in ("png", "bmp", "tif"):
        Image.fromarray(smooth).save(path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(smooth), str(path))
    array, frame = read_image(path, "grey")
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, smooth[None])
    assert frame.size == (37, 23)
    rgb, _ = read_image(path, "rgb")
    np.testing.assert_array_equal(rgb, np.repeat(smooth[None], 3, axis=0))


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "nrrd", "mha", "nii.gz"])
def test_color_pixels_and_their_luma(tmp_path: Path, smooth: np.ndarray, suffix: str) -> None:
    path, rgb = tmp_path / f"image.{suffix}", colors(smooth)
    if suffix in ("png", "bmp", "tif"):
        Image.fromarray(rgb).save(path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(rgb, isVector=True), str(path))
    np.testing.assert_array_equal(read_image(path, "rgb")[0], rgb.transpose(2, 0, 1))
    np.testing.assert_allclose(read_image(path, "grey")[0][0], rgb @ LUMA, atol=1e-4)


def test_equal_channels_give_their_value_exactly(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(8, 32)
    Image.fromarray(np.stack([ramp] * 3, axis=-1)).save(tmp_path / "ramp.png")
    np.testing.assert_array_equal(read_image(tmp_path / "ramp.png", "grey")[0][0], ramp)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_alpha_is_dropped(tmp_path: Path, smooth: np.ndarray, suffix: str) -> None:
    path, rgb = tmp_path / f"image.{suffix}", colors(smooth)
    Image.fromarray(np.dstack([rgb, 255 - smooth])).save(path)
    np.testing.assert_array_equal(read_image(path, "rgb")[0], rgb.transpose(2, 0, 1))
    np.testing.assert_allclose(read_image(path, "grey")[0][0], rgb @ LUMA, atol=1e-4)


def test_grey_with_alpha_keeps_grey(tmp_path: Path, smooth: np.ndarray) -> None:
    Image.fromarray(np.dstack([smooth, 255 - smooth])).save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_image(tmp_path / "la.png", "grey")[0], smooth[None])


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(16))])
def test_palette_png_has_its_true_colours(tmp_path: Path, smooth: np.ndarray, transparency: int | bytes | None) -> None:
    image = Image.fromarray(colors(smooth)).quantize(16)
    path = tmp_path / "palette.png"
    image.save(path, **({} if transparency is None else {"transparency": transparency}))
    palette = np.array(image.getpalette()).reshape(-1, 3)
    expected = palette[np.asarray(image)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array, _ = read_image(path, "rgb")
    np.testing.assert_array_equal(array, expected.transpose(2, 0, 1))
    np.testing.assert_array_equal(array, itk_pixels(path)[..., :3].transpose(2, 0, 1))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_keeps_its_depth(tmp_path: Path, smooth: np.ndarray, suffix: str) -> None:
    deep = smooth.astype(np.uint16) * 256 + 7
    Image.fromarray(deep).save(tmp_path / f"deep.{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"deep.{suffix}", "grey")[0][0], deep)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_colour_keeps_its_depth(tmp_path: Path, smooth: np.ndarray, suffix: str, channels: int) -> None:
    deep = np.dstack([colors(smooth), smooth])[..., :channels].astype(np.uint16) * 256 + 7
    path = tmp_path / f"deep.{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(deep, isVector=True), str(path))
    np.testing.assert_array_equal(read_image(path, "rgb")[0], deep[..., :3].transpose(2, 0, 1))
    np.testing.assert_allclose(read_image(path, "grey")[0][0], deep[..., :3] @ LUMA, atol=0.01)


def test_16_bit_grey_with_alpha_png_is_refused_with_advice(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 2, 1, 16, 4, 0, 0, 0)
    rows = b"\0" + bytes(8)
    chunks = b""
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        chunks += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    (tmp_path / "la16.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(InputError, match=r"la16\.png is a 16-bit PNG with grey and alpha"):
        read_image(tmp_path / "la16.png")


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_1_bit_images_are_0_and_255(tmp_path: Path, smooth: np.ndarray, suffix: str) -> None:
    Image.fromarray(smooth > 120).save(tmp_path / f"mask.{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"mask.{suffix}", "grey")[0][0], (smooth > 120) * 255.0)


def test_float_values_stay(tmp_path: Path, smooth: np.ndarray) -> None:
    values = smooth.astype(np.float32) * 0.25 - 30
    for suffix in ("tif", "nrrd", "nii.gz"):
        sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / f"float.{suffix}"))
        np.testing.assert_array_equal(read_image(tmp_path / f"float.{suffix}")[0][0], values)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_pixels_equal_itk(tmp_path: Path, smooth: np.ndarray, mode: str, progressive: bool) -> None:
    path = tmp_path / "image.jpg"
    Image.fromarray(colors(smooth)).convert(mode).save(path, subsampling=0, progressive=progressive)
    pixels = itk_pixels(path)
    array, _ = read_image(path, "rgb")
    expected = pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1)
    np.testing.assert_array_equal(array, expected.transpose(2, 0, 1))


def test_subsampled_jpeg_has_the_same_grey_as_itk(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :96]
    rgb = np.stack([x * 2, y * 3, 255 - x - y], axis=-1).astype(np.uint8)
    path = tmp_path / "image.jpg"
    Image.fromarray(rgb).save(path, quality=95, subsampling=2)
    grey = read_image(path, "grey")[0][0]
    np.testing.assert_allclose(grey, itk_pixels(path) @ LUMA, atol=2)
    np.testing.assert_allclose(grey, rgb @ LUMA, atol=4)


def test_exif_orientation_is_ignored(tmp_path: Path, smooth: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth).save(tmp_path / "phone.jpg", exif=exif, quality=100)
    array, frame = read_image(tmp_path / "phone.jpg")
    assert frame.size == (37, 23)
    np.testing.assert_allclose(array[0], smooth, atol=2)


def test_dicom_values_are_rescaled(tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path]) -> None:
    deep = smooth.astype(np.uint16) * 16
    path = write_dicom(
        tmp_path / "a.dcm", deep, "1.2.840.10008.5.1.4.1.1.2", RescaleSlope="0.5", RescaleIntercept="-1024"
    )
    np.testing.assert_allclose(read_image(path)[0][0], deep * 0.5 - 1024)


def test_monochrome1_comes_out_bright_where_it_is_bright(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path]
) -> None:
    for dtype in (np.uint8, np.uint16):
        stored = (np.iinfo(dtype).max - smooth.astype(np.int64)).astype(dtype)
        inverse = write_dicom(tmp_path / "a.dcm", stored, PhotometricInterpretation="MONOCHROME1")
        np.testing.assert_array_equal(read_image(inverse)[0][0], smooth)


def test_dicom_colour_and_file_without_extension(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path]
) -> None:
    rgb = colors(smooth)
    for name in ("IM000001", "1.2.840.113619.2"):
        path = write_dicom(tmp_path / name, rgb, PixelSpacing=["0.2", "0.1"])
        array, frame = read_image(path, "rgb")
        np.testing.assert_array_equal(array, rgb.transpose(2, 0, 1))
        assert frame.spacing == (0.1, 0.2)


def test_volume_file_with_one_slice_is_2d(tmp_path: Path, smooth: np.ndarray) -> None:
    for shape in ((1, 23, 37), (1, 1, 23, 37)):
        path = tmp_path / f"one{len(shape)}.nii.gz"
        sitk.WriteImage(sitk.GetImageFromArray(smooth.reshape(shape), isVector=False), str(path))
        array, frame = read_image(path)
        np.testing.assert_array_equal(array, smooth[None])
        assert frame.size == (37, 23)


# --- refusals -------------------------------------------------------------------------------------------------------


def test_more_than_one_slice_names_the_size(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path]
) -> None:
    volume = np.stack([smooth] * 4)
    paths = [write_dicom(tmp_path / "cine.dcm", volume)]
    for suffix in ("nii.gz", "nrrd", "mha", "tif"):
        paths.append(tmp_path / f"volume.{suffix}")
        sitk.WriteImage(sitk.GetImageFromArray(volume), str(paths[-1]))
    for path in paths:
        for read in (read_image, read_frame):
            with pytest.raises(InputError, match=rf"{path.name}.*37 x 23 x 4"):
                read(path)


def test_animated_png_is_refused(tmp_path: Path, smooth: np.ndarray) -> None:
    first = Image.fromarray(smooth)
    first.save(tmp_path / "move.png", save_all=True, append_images=[Image.fromarray(smooth[::-1])])
    with pytest.raises(InputError, match=r"move\.png has 2 frames"):
        read_image(tmp_path / "move.png")


def damaged_files(folder: Path, smooth: np.ndarray, write_dicom: Callable[..., Path]) -> list[Path]:
    image, volume = Image.fromarray(colors(smooth)), sitk.GetImageFromArray(smooth)
    noise = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    for name in ("a.png", "a.jpg", "a.bmp", "raw.tif"):
        image.save(folder / name)
    Image.fromarray(noise).save(folder / "progressive.jpg", progressive=True)
    for compression in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        Image.fromarray(noise).save(folder / f"{compression}.tif", compression=compression)
    sitk.WriteImage(sitk.GetImageFromArray(noise, isVector=True), str(folder / "itk.tif"))
    sitk.WriteImage(sitk.GetImageFromArray(noise.astype(np.uint16) * 99, isVector=True), str(folder / "deep.png"))
    for name in ("a.nii", "a.nii.gz", "raw.nrrd", "raw.mha"):
        sitk.WriteImage(volume, str(folder / name))
    for name in ("gz.nrrd", "gz.mha"):
        sitk.WriteImage(volume, str(folder / name), useCompression=True)
    write_dicom(folder / "a.dcm", smooth)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("keep", [0.03, 0.5, 0.97])
def test_truncated_files_are_refused_in_one_sentence(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path], keep: float, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    for source in damaged_files(whole, smooth, write_dicom):
        read_image(source, "rgb")
        target = cut / source.name
        content = source.read_bytes()
        target.write_bytes(content[: int(len(content) * keep)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(InputError, match=rf"^{target.name} .*\.$") as caught:
                read_image(target, "rgb")
        assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_a_text_file_with_an_image_name_is_refused(
    tmp_path: Path, extension: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"notes{extension}"
    content = b"These are notes and no image at all.\n" * 20
    path.write_bytes(gzip.compress(content) if extension == ".nii.gz" else content)
    for read in (read_image, read_frame):
        with pytest.raises(InputError, match=rf"^notes{extension} .*\.$"):
            read(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_an_empty_file_is_refused(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"nothing{extension}"
    path.touch()
    with pytest.raises(InputError, match=rf"nothing{extension} is empty"):
        read_image(path)


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "tif", "nrrd", "mha", "dcm"])
@pytest.mark.parametrize("name", ["fake.png", "fake.jpg", "fake.tif", "fake.dcm", "fake"])
def test_the_content_tells_the_format_and_not_the_name(
    tmp_path: Path, smooth: np.ndarray, kind: str, name: str
) -> None:
    source = tmp_path / f"true.{kind}"
    sitk.WriteImage(sitk.GetImageFromArray(smooth), str(source))
    shutil.copy(source, tmp_path / name)
    expected, placed = read_image(source)
    array, frame = read_image(tmp_path / name)
    np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(frame.placement, placed.placement)
    assert frame.size == read_frame(tmp_path / name).size == (37, 23)


@pytest.mark.parametrize("zipped", [False, True])
def test_nifti_under_a_name_that_itk_does_not_take_for_it_is_told_so(
    tmp_path: Path, smooth: np.ndarray, zipped: bool
) -> None:
    source = tmp_path / ("true.nii.gz" if zipped else "true.nii")
    sitk.WriteImage(sitk.GetImageFromArray(smooth), str(source))
    shutil.copy(source, tmp_path / "scan.png")
    with pytest.raises(InputError, match=r"scan\.png is a NIfTI file with another extension: rename it to \.nii"):
        read_image(tmp_path / "scan.png")


@pytest.mark.parametrize(("extension", "kind"), [("webp", "WebP"), ("gif", "GIF"), ("jp2", "JPEG 2000")])
def test_formats_that_slicer_does_not_open_are_named(
    tmp_path: Path, smooth: np.ndarray, extension: str, kind: str
) -> None:
    path = tmp_path / f"image.{extension}"
    Image.fromarray(smooth).save(path)
    shutil.copy(path, tmp_path / "image.png")
    for name in (path.name, "image.png"):
        with pytest.raises(InputError, match=rf"{name} is a {kind} file, which 3D Slicer does not open"):
            read_image(tmp_path / name)


def test_unknown_extension_missing_file_folder_and_wrong_channels(tmp_path: Path, smooth: np.ndarray) -> None:
    (tmp_path / "image.webp").write_bytes(b"x" * 300)
    with pytest.raises(InputError, match=r"image\.webp is not an image file of a known format"):
        read_image(tmp_path / "image.webp")
    with pytest.raises(InputError, match=r"no image file absent\.png"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(InputError, match="no image file"):
        read_frame(tmp_path)
    Image.fromarray(smooth).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="'gray'"):
        read_image(tmp_path / "a.png", "gray")  # type: ignore[arg-type]


def test_values_that_are_not_finite_are_refused(tmp_path: Path, smooth: np.ndarray) -> None:
    values = smooth.astype(np.float32)
    values[3, 4], values[0, 0] = np.nan, np.inf
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "nan.nrrd"))
    with pytest.raises(InputError, match=r"nan\.nrrd has 2 values that are not finite"):
        read_image(tmp_path / "nan.nrrd")


def test_values_beyond_single_precision_and_huge_images_are_refused(
    tmp_path: Path, smooth: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(smooth * 1e300), str(tmp_path / "vast.nrrd"))
    with pytest.raises(InputError, match=r"vast\.nrrd has 851 values"):
        read_image(tmp_path / "vast.nrrd")
    Image.fromarray(smooth).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=r"a\.png is larger than Pillow opens safely"):
        read_image(tmp_path / "a.png")


def test_unusual_pixels_are_refused(tmp_path: Path, smooth: np.ndarray) -> None:
    five = sitk.GetImageFromArray(np.dstack([smooth] * 5), isVector=True)
    sitk.WriteImage(five, str(tmp_path / "five.nrrd"))
    with pytest.raises(InputError, match=r"five\.nrrd has 5 values per pixel"):
        read_image(tmp_path / "five.nrrd")
    Image.fromarray(colors(smooth)).convert("CMYK").save(tmp_path / "print.jpg")
    with pytest.raises(InputError, match=r"print\.jpg holds CMYK colours"):
        read_image(tmp_path / "print.jpg")
    sitk.WriteImage(sitk.GetImageFromArray(smooth.astype(np.complex64)), str(tmp_path / "wave.nii"))
    with pytest.raises(InputError, match=r"wave\.nii holds complex numbers"):
        read_image(tmp_path / "wave.nii")


# --- frames ---------------------------------------------------------------------------------------------------------


def test_read_frame_equals_the_frame_of_read_image(
    tmp_path: Path, smooth: np.ndarray, write_dicom: Callable[..., Path]
) -> None:
    for path in damaged_files(tmp_path, smooth, write_dicom):
        whole, header = read_image(path)[1], read_frame(path)
        np.testing.assert_array_equal(whole.placement, header.placement)
        assert (whole.size, whole.spacing, whole.spacing_source) == (header.size, header.spacing, header.spacing_source)
