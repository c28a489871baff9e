"""Image IDs that can be file names on any system, with room for the names of their labels."""

from __future__ import annotations

import unicodedata

from .errors import InputError

#: Longest file name of ext4, NTFS and APFS, in bytes of UTF-8 (NTFS counts UTF-16 units, which are fewer).
LONGEST_FILE_NAME = 255
#: Longest image ID: a damaged label is put aside as ``<ID>.YYYYMMDD-HHMMSS.mrk.json``, the longest name made of an ID.
LONGEST_ID = LONGEST_FILE_NAME - len(".YYYYMMDD-HHMMSS.mrk.json")
_FORBIDDEN = '/\\:*?"<>|'


def check_image_id(image: str) -> str:
    """The ID, when it can be a file name inside a studies folder on any system.

    Raises:
        InputError: it is empty, hidden, too long, or holds a path separator or a control character.
    """
    unusable = not image or image.startswith(".") or image != image.strip()
    if unusable or any(character in _FORBIDDEN or not character.isprintable() for character in image):
        raise InputError(
            f"{image[:80]!r} cannot be an image ID: use a plain file name without path, extension or leading dot."
        )
    return check_id_length(image)


def check_id_length(image: str) -> str:
    """The ID, when the names of its labels are not too long for a file system.

    Raises:
        InputError: it has more than :data:`LONGEST_ID` bytes.
    """
    length = len(image.encode("utf-8", "replace"))
    if length > LONGEST_ID:
        raise InputError(
            f"{image[:40] + '...'!r} cannot be an image ID: with {length} bytes its label files would pass the "
            f"{LONGEST_FILE_NAME} bytes that a file name can have; shorten it to {LONGEST_ID}."
        )
    return image


def name_key(name: str) -> str:
    """What two names have in common that some file system takes for one: Unicode form and upper or lower case differ.

    Example:
        >>> name_key("Oeil_\u00e9.PNG") == name_key("oeil_e\u0301.png")
        True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
