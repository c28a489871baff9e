"""The images in a folder that are not used, and why: none is skipped silently."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from monai_ext.images import READABLE_KINDS, REPORT, image_id_of, image_kind

#: Folders of a studies folder that hold no images of their own.
_OWN_FOLDERS = ("labels",)
#: So many files below a folder are looked at.
_MAX_FILES = 2000
_NAMED = 5
_NIFTI_PAIR = (".hdr", ".img")


def passed_over(root: Path) -> list[str]:
    """Returns what looks like an image in a folder and is not used: a sentence, without its full stop, for each reason.

    Hidden files are skipped, and so are files whose content is that of no image, as tables or notes.

    Raises:
        OSError: the folder cannot be read.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(root.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            count = 0 if path.name in _OWN_FOLDERS else _images_below(path)
            if count:
                below = f"{path.name}/ with {_count(count, 'image')}"
                found.setdefault("only images in the folder itself are used: move them there", []).append(below)
        elif path.is_file() and (reason := why_no_image(path)):
            found.setdefault(reason, []).append(path.name)
    return [f"{_listed(names)}: {reason}" for reason, names in found.items()]


def why_no_image(path: Path) -> str:
    """Tells why a file that looks like an image is not used as one; "" where it is used, or does not look like one."""
    if image_id_of(path) is not None:
        return ""
    if path.name.upper() == "DICOMDIR":
        return "a directory of DICOM files and no image itself"
    try:
        kind = image_kind(path)
    except OSError:
        return "it cannot be opened"
    if kind == "NIfTI" and path.suffix.lower() in _NIFTI_PAIR:
        return "NIfTI in two files is not read: save it as one .nii file"
    if kind == REPORT:
        return "a DICOM structured report, whose points `monai-landmarks import` reads"
    if kind in READABLE_KINDS:
        return f"{kind} without an extension of {kind}: rename it"
    return f"{kind} is not opened by 3D Slicer as an image: save it as PNG" if kind else ""


def _images_below(folder: Path) -> int:
    """Returns how many images lie at any depth below a folder, hidden ones apart; only so many files are looked at."""
    count = looked = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            looked += 1
            if looked > _MAX_FILES:
                return count
            path = Path(parent) / name
            count += image_id_of(path) is not None or bool(why_no_image(path))
    return count


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
