"""Image files that are not whole: cut short, or with their pixels in a file beside them (.mhd, .nhdr)."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydicom.filereader import read_partial
from pydicom.uid import DeflatedExplicitVRLittleEndian

from monai_ext.landmarks import FileState, InputError

from .formats import image_kind
from .headers import STREAM_ERRORS, open_nifti, read_mha_fields, read_nifti_header, read_nrrd_fields

CHUNK = 1 << 20
_SIZE_TAGS = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "BitsAllocated",
)
_PIXEL_DATA = 0x7FE00010
_UNDEFINED_LENGTH = 0xFFFFFFFF
MET_BYTES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}


def _nifti_missing(path: Path) -> bool:
    """ITK fills the pixels that a NIfTI file lacks with whatever was in memory."""
    end = read_nifti_header(path).end
    if path.suffix.lower() != ".gz":
        return path.stat().st_size < end
    length = 0
    try:
        with open_nifti(path) as stream:
            while chunk := stream.read(CHUNK):
                length += len(chunk)
    except STREAM_ERRORS:
        return True
    return length < end


def _mha_missing(path: Path) -> bool:
    """ITK leaves the pixels that a compressed MHA file lacks as whatever was in memory."""
    fields, start = read_mha_fields(path)
    if not {"ndims", "dimsize", "elementtype", "elementdatafile"} <= set(fields):
        return True
    files = data_files(path)
    holder = files[0] if files else path
    try:
        start = max(int(fields.get("headersize", 0)), 0) if files else start
        pixel = MET_BYTES.get(fields.get("elementtype", ""), 0) * int(fields.get("elementnumberofchannels", 1))
        pixels = pixel * math.prod(int(n) for n in fields.get("dimsize", "0").split())
        stored = int(fields.get("compresseddatasize", 0))
    except ValueError:  # a size that is no number: not for this check, ITK refuses it
        return False
    size = holder.stat().st_size
    if fields.get("compresseddata", "False").lower() not in ("true", "t", "1"):
        return size < start + pixels
    if not files and stored <= 0:  # ITK does not find the end of the pixels
        return True
    return size < start + stored or _inflated_bytes(holder, start, stored or size) < pixels


def _inflated_bytes(path: Path, start: int, count: int) -> int:
    """The number of bytes in a zlib or gzip stream of a file; -1 where it is damaged or has no end."""
    inflater, length = zlib.decompressobj(32 + zlib.MAX_WBITS), 0
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            while chunk := stream.read(min(CHUNK, count)):
                count -= len(chunk)
                while chunk:
                    length += len(inflater.decompress(chunk, CHUNK))
                    chunk = inflater.unconsumed_tail
    except STREAM_ERRORS:
        return -1
    return length if inflater.eof else -1


def _dicom_missing(path: Path) -> bool:
    """GDCM fills the pixels that an uncompressed DICOM file lacks with zeros."""
    lengths: list[int] = []

    def at_pixels(tag: int, code: str | None, length: int) -> bool:
        if tag == _PIXEL_DATA:
            lengths.append(length)
        return tag >= _PIXEL_DATA

    with path.open("rb") as stream:
        try:
            tags = read_partial(stream, at_pixels, force=True, specific_tags=[*_SIZE_TAGS])
            samples = 2 if tags.get("PhotometricInterpretation") == "YBR_FULL_422" else int(tags.SamplesPerPixel)
            frames = int(tags.get("NumberOfFrames") or 1)
            bits = int(tags.Rows) * int(tags.Columns) * samples * frames * int(tags.BitsAllocated)
        except Exception:  # damaged elements raise errors of many kinds: not for this check, GDCM refuses them
            return False
        start = stream.tell()
    if not lengths or lengths[0] == _UNDEFINED_LENGTH:
        return False  # no pixels, or compressed ones: GDCM refuses what it cannot read
    deflated = tags.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    end = 0 if deflated else start + lengths[0]
    return lengths[0] < math.ceil(bits / 8) or end > path.stat().st_size


_CHECKS: dict[str, Callable[[Path], bool]] = {"NIfTI": _nifti_missing, "MHA": _mha_missing, "DICOM": _dicom_missing}


def check_complete(path: Path, format_name: str) -> None:
    """Refuses a NIfTI, MHA or DICOM file that holds fewer bytes than its header promises, or has no header.

    Raises:
        InputError: the file is cut short.
    """
    missing = _CHECKS.get(format_name)
    if missing is not None and missing(path):
        raise InputError(f"{path.name} is cut short or damaged: export or download it again.")


def check_own_pixels(path: Path) -> None:
    """Refuses a ``.nii.gz`` beside a ``.nii`` of the same name and another content, whose pixels ITK reads for both.

    Raises:
        InputError: there is such a file.
    """
    other = path.with_suffix("")
    if not path.name.lower().endswith(".nii.gz") or not other.is_file():
        return
    with open_nifti(path) as own, other.open("rb") as beside:
        while chunk := own.read(CHUNK):
            if chunk != beside.read(CHUNK):
                raise InputError(
                    f"{path.name} lies beside {other.name}, whose pixels ITK and 3D Slicer would read in the place of "
                    "its own: move one of the two to another folder."
                )


_MHA_KEY, _NRRD_KEYS = "elementdatafile", ("data file", "datafile")


class Joined(NamedTuple):
    """A detached image as one file: the extension of its format, and its bytes."""

    extension: str
    content: bytes


def data_files(path: Path) -> tuple[Path, ...]:
    """The file that holds the pixels of an image file, where that is another one; none for any other file.

    Raises:
        InputError: the pixels lie in several files, in another folder, or in a file that is not there.
        OSError: the file cannot be read.
    """
    name = _data_file(path, image_kind(path))
    if name is None:
        return ()
    if name.upper().split(" ")[0] == "LIST" or "%" in name:
        raise InputError(f"{path.name} stores its pixels in several files ({name}): save it as one .mha or .nrrd file.")
    name = name.removeprefix("./")  # the header's own folder
    if name in ("", ".", "..") or any(character in name for character in "/\\:\0"):
        raise InputError(
            f"{path.name} stores its pixels in another folder ({name}): save it as one .mha or .nrrd file."
        )
    found = path.parent / name
    if not found.is_file():
        raise InputError(
            f"{path.name} stores its pixels in {name}, which is not in the same folder: add that file, or save as one "
            ".mha or .nrrd."
        )
    return (found,)


#: Extensions of image files whose pixels may lie in another file.
_HEADERS = (".mhd", ".mha", ".nhdr", ".nrrd")


def pixel_file(path: Path) -> Path | None:
    """The other file that holds the pixels of an image file; None without one, or where it is not there."""
    if path.suffix.lower() not in _HEADERS:
        return None
    try:
        return next(iter(data_files(path)), None)
    except (InputError, OSError):
        return None


def file_states(path: Path) -> tuple[FileState, ...]:
    """States of an image file and of the other one that holds its pixels, if any; none if the image is not there."""
    return tuple(state for file in (path, pixel_file(path)) if file and (state := FileState.of(file)))


def joined(path: Path) -> Joined | None:
    """A header with its pixels as one file, for whom only one can be sent; None if the file is whole already.

    Raises:
        InputError: as :func:`data_files`.
        OSError: a file cannot be read.
    """
    files = data_files(path)
    if not files:
        return None
    pixels = files[0].read_bytes()
    if image_kind(path) == "MHA":
        fields, _ = read_mha_fields(path)
        if fields.get("headersize", "0") != "0":
            raise InputError(f"{path.name} skips a part of {files[0].name} (HeaderSize): save it as one .mha file.")
        lines = path.read_bytes().splitlines()
        kept = [line for line in lines if line.partition(b"=")[0].strip().lower() != _MHA_KEY.encode()]
        if "compresseddatasize" not in fields:  # beside a header it is that of the file; uncompressed, it is not read
            kept.append(f"CompressedDataSize = {len(pixels)}".encode())
        return Joined(".mha", b"\n".join([*kept, b"ElementDataFile = LOCAL", pixels]))
    header = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0].rstrip(b"\n").split(b"\n")
    kept = [line for line in header if line.partition(b":")[0].strip().lower().decode("latin-1") not in _NRRD_KEYS]
    return Joined(".nrrd", b"\n".join([*kept, b"", pixels]))


def _data_file(path: Path, kind: str) -> str | None:
    """Name of the file that holds the pixels of a header; None if they follow it."""
    if kind == "MHA":
        name = read_mha_fields(path)[0].get(_MHA_KEY, "LOCAL")
        return None if name.upper() == "LOCAL" else name
    if kind == "NRRD":
        fields = read_nrrd_fields(path)
        return next((fields[key] for key in _NRRD_KEYS if fields.get(key)), None)
    return None
