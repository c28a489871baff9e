"""The image ID and extension that a file name stands for, and which IDs and label tags requests may name."""

from __future__ import annotations

from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.landmarks.studies import LABEL_EXTENSION, image_id_of

#: ``final`` trains; ``draft`` keeps unfinished work; ``original`` holds what a model proposed.
LABEL_TAGS = ("final", "draft", "original")
_MAX_ID_BYTES = 200
_FORBIDDEN = '/\\:*?"<>|'


def split_image_file(path: Path) -> tuple[str, str] | None:
    """(ID, extension as spelled) of an image file, double extensions included; None for any other file.

    The extension of DICOM under a name that is no image's is empty, and its ID the whole name.
    """
    found = image_id_of(path)
    return None if not found else (found, path.name[len(found) :])


def split_label_name(name: str) -> tuple[str, str] | None:
    """(ID, extension) of a label file name; None for any other file."""
    found = name.removesuffix(LABEL_EXTENSION)
    return None if found in {"", name} or name.startswith(".") else (found, LABEL_EXTENSION)


def check_image_id(image: str) -> str:
    """The ID, when it can be a file name inside the studies folder on any system.

    Raises:
        InputError: it is empty, hidden, too long, or holds a path separator or a control character.
    """
    unusable = not image or image.startswith(".") or image != image.strip()
    unusable = unusable or any(character in _FORBIDDEN or not character.isprintable() for character in image)
    if unusable or len(image.encode("utf-8", "replace")) > _MAX_ID_BYTES:
        raise InputError(
            f"{image[:80]!r} cannot be an image ID: use a plain file name without path, extension or leading dot."
        )
    return image


def check_tag(tag: str) -> str:
    """The label tag, when it is one that labels are saved under.

    Raises:
        InputError: any other tag.
    """
    if tag not in LABEL_TAGS:
        raise InputError(f"The label tag {tag[:80]!r} is unknown; use one of {', '.join(LABEL_TAGS)}.")
    return tag
