"""MetaImage and NRRD headers (.mhd, .nhdr) whose pixels lie in a file beside them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from monai_ext.landmarks.errors import InputError
from monai_ext.landmarks.image_kind import image_kind

from .headers import read_mha_fields, read_nrrd_fields

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
        raise InputError(f"{path.name} keeps its pixels in several files ({name}): save it as one .mha or .nrrd file.")
    if name in (".", "..") or any(character in name for character in "/\\:\0"):
        raise InputError(f"{path.name} keeps its pixels in another folder ({name}): save it as one .mha or .nrrd file.")
    found = path.parent / name
    if not found.is_file():
        raise InputError(
            f"{path.name} keeps its pixels in {name}, which is not beside it: add that, or save as one .mha or .nrrd."
        )
    return (found,)


def joined(path: Path) -> Joined | None:
    """A header with its pixels as one file, for whom only one can be sent; None where the file is whole already.

    Raises:
        InputError: as :func:`data_files`.
        OSError: a file cannot be read.
    """
    files = data_files(path)
    if not files:
        return None
    pixels = files[0].read_bytes()
    if image_kind(path) == "MHA":
        if read_mha_fields(path)[0].get("headersize", "0") != "0":
            raise InputError(
                f"{path.name} leaves out a part of {files[0].name} (HeaderSize): save it as one .mha file."
            )
        lines = path.read_bytes().splitlines()
        kept = [line for line in lines if line.partition(b"=")[0].strip().lower() != _MHA_KEY.encode()]
        return Joined(".mha", b"\n".join([*kept, b"ElementDataFile = LOCAL", pixels]))
    header = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0].rstrip(b"\n").split(b"\n")
    kept = [line for line in header if line.partition(b":")[0].strip().lower().decode("latin-1") not in _NRRD_KEYS]
    return Joined(".nrrd", b"\n".join([*kept, b"", pixels]))


def _data_file(path: Path, kind: str) -> str | None:
    """What a header says of where its pixels lie; None where they follow it."""
    if kind == "MHA":
        name = read_mha_fields(path)[0].get(_MHA_KEY, "LOCAL")
        return None if name.upper() == "LOCAL" else name
    if kind == "NRRD":
        fields = read_nrrd_fields(path)
        return next((fields[key] for key in _NRRD_KEYS if fields.get(key)), None)
    return None
