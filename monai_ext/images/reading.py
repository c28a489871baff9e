"""Reads one 2D image file: its stored numbers and its frame, placed in the world exactly as 3D Slicer places it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_ext.landmarks import FloatArray, Frame, InputError

from .completeness import check_complete, check_own_pixels, data_files
from .dicom_pixels import decode_dicom, describe_coding
from .formats import DICOM, TIFF, Format, image_format
from .pixel_spacing import dicom_spacing, header_spacing, with_stated_size
from .tiff import read_tiff, read_tiff_frame

if TYPE_CHECKING:
    from SimpleITK import ImageFileReader

Channels = Literal["grey", "rgb"]

#: ITU-R BT.601 luma weights in thousandths: whole numbers, so that equal channels give exactly their value.
LUMA_THOUSANDTHS = (299, 587, 114)
#: What Pillow raises for a damaged file.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)

_PILLOW_MODES = frozenset({"1", "L", "LA", "I;16", "I", "P", "RGB", "RGBA"})


def read_image(
    path: str | Path, channels: Channels = "grey", *, stated: bool = True
) -> tuple[NDArray[np.float32], Frame]:
    """Reads the pixels and the frame of a 2D image.

    Values are the stored numbers (8-bit images 0..255, 16-bit 0..65535; 1-bit PNG 0 or 255, as ITK). DICOM values
    are after rescale slope and intercept; ITK mirrors MONOCHROME1, where a low value is bright, within the range of
    its stored bits, so that bright is high in every image. Colour becomes grey by ITU-R BT.601 luma, grey becomes
    colour by repetition, alpha is dropped. Orientation tags (EXIF, TIFF) turn no pixels. Values equal ITK's, except
    that JPEG with subsampled colour has its chroma interpolated more smoothly, for TIFF (see :mod:`.tiff`), and for
    the few DICOM files that it decodes wrongly (see :mod:`.dicom_pixels`).

    Args:
        path: PNG, JPEG, TIFF, BMP, NIfTI, NRRD, MHA or DICOM of one slice, told by its content. Of a volume file
            whose slice lies along another axis than the last, the two other axes are x and y in their order.
        channels: "grey" for C = 1 or "rgb" for C = 3.
        stated: whether a pixel size that a person stated counts; without, only what the file itself states.

    Returns:
        (C, H, W) float32, contiguous, and the :class:`Frame`. Its placement is ITK's reading of the file; its spacing
        is the calibration (see :mod:`.calibration`).

    Raises:
        InputError: not an image of a known format, damaged or cut short, more than one slice or frame, a value
            that is not finite, an unknown number of channels.
    """
    if channels not in ("grey", "rgb"):
        raise InputError(f'Image channels must be "grey" or "rgb", not {channels!r}.')
    path = Path(path)
    format_ = image_format(path)
    array, frame = _read(path, format_)
    with np.errstate(over="ignore"):
        image = _as_channels(path, array, channels)
    if array.dtype.kind == "f" and not np.isfinite(image).all():
        count = int((~np.isfinite(image[0])).sum())
        raise InputError(f"{path.name} has {count} values that are not finite: replace them before using the image.")
    return image, with_stated_size(path, frame) if stated else frame


def read_pixels(path: str | Path) -> NDArray[Any]:
    """Reads the pixels of a 2D image as numbers of the type in which they are stored, to show them.

    The values are those of :func:`read_image`, but colour stays colour, and a value that is not finite is no error.

    Returns:
        (H, W, 1) grey or (H, W, 3) RGB.

    Raises:
        InputError: as :func:`read_image`.
    """
    path = Path(path)
    planes = _planes(path, _read(path, image_format(path))[0])
    return planes[..., :1] if planes.shape[-1] <= 2 else planes[..., :3]


def read_frame(path: str | Path, *, stated: bool = True) -> Frame:
    """Reads the frame of a 2D image from its header; pixels are not decoded.

    Args:
        path: as for :func:`read_image`.
        stated: as for :func:`read_image`.

    Raises:
        InputError: as :func:`read_image`, as far as the header shows it.
    """
    path = Path(path)
    frame = _header_frame(path, image_format(path))
    return with_stated_size(path, frame) if stated else frame


def _header_frame(path: Path, format_: Format) -> Frame:
    if format_.pillow:
        with _open_pillow(path, format_) as image:
            return _pillow_frame(path, format_, image.size)
    if format_ is TIFF:
        return read_tiff_frame(path)
    return _itk_frame(path, format_, _open_itk(path, format_))


def _read(path: Path, format_: Format) -> tuple[NDArray[Any], Frame]:
    if format_ is TIFF:
        return read_tiff(path)
    return _read_pillow(path, format_) if format_.pillow else _read_itk(path, format_)


def _damaged(path: Path, format_: Format) -> InputError:
    return InputError(f"{path.name} cannot be read as {format_.name}: it is damaged, cut short or another format.")


def _open_pillow(path: Path, format_: Format) -> Image.Image:
    try:
        image = Image.open(path, formats=(format_.name,))
    except Image.DecompressionBombError as error:
        raise InputError(f"{path.name} is larger than Pillow opens safely ({error}): scale or crop it.") from error
    except _PILLOW_ERRORS as error:
        raise _damaged(path, format_) from error
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and format_.name == "PNG":
        image.close()
        raise InputError(f"{path.name} has {frames} frames: export the one to be used as its own image.")
    return image


def _pillow_frame(path: Path, format_: Format, size: tuple[int, int]) -> Frame:
    """ITK ignores the density of PNG and BMP; it reads that of JPEG, and the scale that it writes into PNG itself."""
    if format_.name == "JPEG" or (format_.name == "PNG" and _has_scale(path)):
        return _itk_frame(path, format_, _open_itk(path, format_))
    return Frame(*size)


def _has_scale(path: Path) -> bool:
    """Whether a PNG has a chunk sCAL before its pixels, by which ITK and 3D Slicer place it."""
    with path.open("rb") as stream:
        stream.seek(8)
        while len(head := stream.read(8)) == 8 and head[4:] != b"IDAT":
            if head[4:] == b"sCAL":
                return True
            stream.seek(int.from_bytes(head[:4], "big") + 4, 1)  # a checksum follows
    return False


def _read_pillow(path: Path, format_: Format) -> tuple[NDArray[Any], Frame]:
    with _open_pillow(path, format_) as image:
        frame = _pillow_frame(path, format_, image.size)
        if format_.name == "PNG" and _is_deep_color(path):
            return _deep_colors(path, format_), frame
        if image.mode not in _PILLOW_MODES:
            raise InputError(f"{path.name} holds {image.mode} colours: save it as RGB or grey.")
        try:
            # by way of RGBA, since Pillow warns where a palette has transparency
            array = np.asarray(image.convert("RGBA").convert("RGB") if image.mode == "P" else image)
        except _PILLOW_ERRORS as error:
            raise _damaged(path, format_) from error
    return (array * np.uint8(255) if array.dtype == bool else array), frame


def _is_deep_color(path: Path) -> bool:
    """Recognises a PNG of 16 bits per channel and more than one channel (its IHDR chunk, bytes 24 and 25)."""
    with path.open("rb") as stream:
        depth, color = stream.read(26)[24:26]
    if depth == 16 and color == 4:  # SimpleITK does not read grey with alpha
        raise InputError(f"{path.name} is a 16-bit PNG with grey and alpha: save it without alpha.")
    return depth == 16 and color != 0


def _deep_colors(path: Path, format_: Format) -> NDArray[Any]:
    """(H, W, 3) or (H, W, 4) of a PNG whose depth Pillow would halve. ITK shifts values by what sBIT states."""
    try:
        return np.asarray(imagecodecs.png_decode(path.read_bytes()))
    except Exception as error:  # libpng's own
        raise _damaged(path, format_) from error


def _open_itk(path: Path, format_: Format) -> ImageFileReader:
    import SimpleITK as sitk  # noqa: N813  (here: it takes a fifth of a second to import)

    # ITK would print its warnings to the terminal; what a person must know is raised as an InputError instead.
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    data_files(path)
    check_complete(path, format_.name)
    check_own_pixels(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO(format_.io)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _damaged(path, format_) from error
    if reader.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise InputError(f"{path.name} holds complex numbers: save their magnitude as an image.")
    return reader


def _itk_frame(path: Path, format_: Format, reader: ImageFileReader) -> Frame:
    size, spacing, origin = reader.GetSize(), reader.GetSpacing(), reader.GetOrigin()
    x, y = _axes(path, format_, size)
    dim = reader.GetDimension()
    direction = np.array(reader.GetDirection(), dtype=np.float64).reshape(dim, dim)
    rows = min(dim, 3)
    placement: FloatArray = np.zeros((3, 3))
    placement[:rows, :2] = direction[:rows, (x, y)] * (spacing[x], spacing[y])
    placement[:rows, 2] = origin[:rows]
    if format_ is DICOM:
        calibration = dicom_spacing(path)
    else:
        calibration = header_spacing(path, format_.name, (spacing[x], spacing[y]), (x, y))
    try:
        return Frame(size[x], size[y], placement, calibration.spacing, calibration.source)
    except InputError as error:
        raise InputError(f"{path.name} cannot be placed in space: {error}") from error


def _axes(path: Path, format_: Format, size: Sequence[int]) -> tuple[int, int]:
    """The axes of a volume file that are the (x, y) of its one slice, which may lie along any axis."""
    wide = [axis for axis, count in enumerate(size) if count != 1]
    if not set(wide) - {0, 1}:
        return 0, 1
    if len(wide) > 2 or wide[-1] > 2 or format_ is DICOM:  # the third axis of DICOM counts frames
        shape = " x ".join(str(count) for count in size)
        raise InputError(f"{path.name} has more than one slice or frame ({shape}): export one slice as a 2D image.")
    return (wide[0], 2) if len(wide) == 2 else (0, 2)


def _read_itk(path: Path, format_: Format) -> tuple[NDArray[Any], Frame]:
    from SimpleITK import GetArrayFromImage

    reader = _open_itk(path, format_)
    frame = _itk_frame(path, format_, reader)
    try:
        array = GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        if format_ is not DICOM:
            raise _damaged(path, format_) from error
        raise InputError(
            f"{path.name} has DICOM pixels that cannot be decoded ({describe_coding(path)}): it is damaged, or has to "
            "be saved uncompressed as MONOCHROME2 or RGB with all bits of its numbers."
        ) from error
    if format_ is DICOM:
        array = _own_decoding(path, array)
    return array.reshape(frame.height, frame.width, reader.GetNumberOfComponents()), frame


def _own_decoding(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """The pixels of a DICOM file that GDCM read, or those of :func:`decode_dicom` where these are not as stored."""
    try:
        decoded = decode_dicom(path)
        return array if decoded is None else decoded.reshape(array.shape)
    except InputError:
        raise
    except Exception as error:  # decoders and damaged elements have errors of many kinds
        raise _damaged(path, DICOM) from error


def _planes(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """(H, W) or (H, W, N) stored numbers to (H, W, N), where N is 1, 2 (grey, alpha), 3 or 4 (RGB, alpha)."""
    planes = array[..., None] if array.ndim == 2 else array
    count = planes.shape[-1]
    if count not in (1, 2, 3, 4):
        raise InputError(
            f"{path.name} has {count} values per pixel: an image has 1 (grey) or 3 (RGB), and maybe alpha."
        )
    return planes


def _as_channels(path: Path, array: NDArray[Any], channels: Channels) -> NDArray[np.float32]:
    """(H, W) or (H, W, N) stored numbers to (1, H, W) or (3, H, W) float32."""
    planes = _planes(path, array)
    count = planes.shape[-1]
    if count <= 2:  # grey, grey with alpha
        plane = np.ascontiguousarray(planes[..., 0], dtype=np.float32)[None]
        return plane if channels == "grey" else np.repeat(plane, 3, axis=0)
    if channels == "rgb":
        return np.ascontiguousarray(planes[..., :3].transpose(2, 0, 1), dtype=np.float32)
    exact = np.float32 if planes.dtype == np.uint8 else np.float64
    weights: NDArray[Any] = np.array(LUMA_THOUSANDTHS + (0,) * (count - 3), dtype=exact)
    rows = planes.reshape(-1, count).astype(exact)  # two axes only: numpy is ten times slower on three
    grey = np.dot(rows, weights) / exact(1000)
    return grey.astype(np.float32).reshape(1, *planes.shape[:2])
