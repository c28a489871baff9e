"""The image ID and extension that a file name stands for, and which IDs and label tags requests may name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from monai_ext.images import LABEL_EXTENSION, LONGEST_ID, image_id_of, name_key
from monai_ext.images import check_image_id as check_image_id
from monai_ext.landmarks import InputError

#: ``final`` trains; ``draft`` keeps unfinished work; ``original`` holds what a model proposed.
LABEL_TAGS = ("final", "draft", "original")


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


def no_such_image(image: str, known: Iterable[str]) -> str:
    """The sentence that refuses an unknown image ID; it names the image that differs in upper and lower case only."""
    key = name_key(image[:LONGEST_ID])
    twin = next((other for other in known if name_key(other) == key), None)
    if twin is None:
        return f"There is no image {image[:200]!r} in the studies folder: use an image ID."
    return f"There is no image {image[:200]!r}, but {twin!r}, which differs in upper and lower case: use that ID."


def check_tag(tag: str) -> str:
    """The label tag, when it is one that labels are saved under.

    Raises:
        InputError: any other tag.
    """
    if tag not in LABEL_TAGS:
        raise InputError(f"The label tag {tag[:80]!r} is unknown; use one of {', '.join(LABEL_TAGS)}.")
    return tag
