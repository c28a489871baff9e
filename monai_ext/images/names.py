"""Names of image and label files, and the image IDs that they stand for, which can be file names on any system."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path

from monai_ext.landmarks import InputError

from .formats import DICOM, FORMATS, IMAGE_EXTENSIONS, image_kind, is_report

LABEL_EXTENSION = ".mrk.json"

#: Longest file name of ext4, NTFS and APFS, in bytes of UTF-8 (NTFS counts UTF-16 units, which are fewer).
LONGEST_FILE_NAME = 255
#: Longest image ID: a damaged label is put aside as ``<ID>.YYYYMMDD-HHMMSS.mrk.json``, the longest name made of an ID.
LONGEST_ID = LONGEST_FILE_NAME - len(".YYYYMMDD-HHMMSS.mrk.json")
_DICOM_EXTENSIONS = tuple(extension for extension, format_ in FORMATS.items() if format_ is DICOM)
_FORBIDDEN = '/\\:*?"<>|'


def check_image_id(image: str) -> str:
    """The ID, when it can be a file name inside a studies folder on any system.

    Raises:
        InputError: it is empty, hidden, too long, or holds a path separator or a control character.
    """
    unusable = not image or image.startswith(".") or image != image.strip()
    if unusable or not is_printable(image) or any(character in _FORBIDDEN for character in image):
        raise InputError(
            f"{image[:80]!r} cannot be an image ID: use a plain file name without path, extension or leading dot."
        )
    return check_id_length(image)


def is_printable(text: str) -> bool:
    r"""True where no character is a control character; spaces of every kind are printable.

    Python has only the plain space so: names of screenshots of macOS hold a narrow one, Japanese names a wide one.

    Examples:
        >>> is_printable("3.45\u202fPM"), is_printable("a\tb")
        (True, False)
    """
    return all(character.isprintable() or unicodedata.category(character) == "Zs" for character in text)


def check_id_length(image: str) -> str:
    """The ID, when the names of its labels are not too long for a file system.

    Raises:
        InputError: it has more than :data:`LONGEST_ID` bytes.
    """
    length = len(image.encode("utf-8", "replace"))
    if length > LONGEST_ID:
        raise InputError(
            f"{image[:40] + '...'!r} cannot be an image ID: with {length} bytes its label files would exceed the "
            f"{LONGEST_FILE_NAME} bytes that a file name can have; shorten it to {LONGEST_ID}."
        )
    return image


def name_key(name: str) -> str:
    """Key that is the same for names that some file system takes for one: Unicode form and case of letters differ.

    Examples:
        >>> name_key("Oeil_\u00e9.PNG") == name_key("oeil_e\u0301.png")
        True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def image_id(file_name: str) -> str | None:
    """The ID of an image file: its name without the (possibly double) extension; None for any other file.

    Examples:
        >>> image_id("eye.left.nii.gz"), image_id("datastore_v2.json"), image_id(".hidden.png")
        ('eye.left', None, None)
    """
    if file_name.startswith("."):
        return None
    lower = file_name.lower()
    extension = next((e for e in IMAGE_EXTENSIONS if lower.endswith(e)), None)
    return None if extension is None else file_name[: -len(extension)]


def label_file_name(image: str) -> str:
    """``<ID>.mrk.json``.

    Raises:
        InputError: the name would be too long for a file system.
    """
    return f"{check_id_length(image)}{LABEL_EXTENSION}"


def image_id_of(path: Path) -> str | None:
    """The ID of an image file as :func:`image_id`; that of DICOM under any other name, by its content, is the name.

    A DICOMDIR lists files, a structured report holds no pixels: neither is an image.
    """
    found = image_id(path.name)
    try:
        if found is not None:
            return None if path.name.lower().endswith(_DICOM_EXTENSIONS) and is_report(path) else found
        if path.name.startswith(".") or path.name.upper() == "DICOMDIR" or not path.is_file():
            return None
        return path.name if image_kind(path) == "DICOM" else None
    except OSError:
        return found


def same_name(name: str, names: Iterable[str]) -> str | None:
    """The one of many names that a person means: itself, or the only one that differs in its Unicode form alone.

    macOS writes an accented letter as a letter and an accent (NFD), other systems as one character (NFC).
    """
    names = names if isinstance(names, Collection) else list(names)
    if name in names:
        return name
    if name.isascii():
        return None
    wanted = unicodedata.normalize("NFC", name)
    found = [other for other in names if not other.isascii() and unicodedata.normalize("NFC", other) == wanted]
    return found[0] if len(found) == 1 else None


def find_file(folder: Path, name: str) -> Path:
    """The file of a folder that a table names, in either Unicode form (see :func:`same_name`); it need not exist."""
    path = folder / name
    if path.exists() or path.name.isascii() or not path.parent.is_dir():
        return path
    found = same_name(path.name, [other.name for other in path.parent.iterdir()])
    return path if found is None else path.with_name(found)
