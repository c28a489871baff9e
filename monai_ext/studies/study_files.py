"""The files of a studies folder: locations, valid names and checksums, and the images that are not used and why."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from monai_ext.images import LABEL_EXTENSION, READABLE_KINDS, REPORT, image_id_of, image_kind
from monai_ext.landmarks import InputError

from .records import LabelEntry

#: ``final`` trains; ``draft`` keeps unfinished work; ``original`` holds what a model proposed.
LABEL_TAGS = ("final", "draft", "original")

Warn = Callable[[str], None]


class StudyFiles:
    """Images directly in a folder, labels in ``labels/<tag>/<ID>.mrk.json``. The caller holds the folder's lock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.labels = root / "labels"
        self._digests: dict[Path, tuple[tuple[int, int, int], str]] = {}
        #: The notes on the labels of images that were listed and are away, as on a drive that is unmounted.
        self.away: dict[str, dict[str, LabelEntry]] = {}

    def image(self, image: str, extension: str) -> Path:
        return self.root / f"{image}{extension}"

    def label(self, image: str, tag: str) -> Path:
        return self.labels / tag / f"{image}{LABEL_EXTENSION}"

    def image_digest(self, image: str, extension: str) -> str | None:
        """SHA-256 of an image file; None if there is none."""
        try:
            return hashlib.sha256(self.image(image, extension).read_bytes()).hexdigest()
        except OSError:
            return None

    def label_digest(self, image: str, tag: str) -> str | None:
        """SHA-256 of a label file, which is read only when it changed; None if there is none."""
        path = self.label(image, tag)
        try:
            stat = os.stat(path)
            signature = stat.st_mtime_ns, stat.st_ino, stat.st_size
            known = self._digests.get(path)
            if known is None or known[0] != signature:
                known = self._digests[path] = (signature, hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError:
            self._digests.pop(path, None)
            return None
        return known[1]

    def scan_images(self, known: Mapping[str, str], warn: Warn) -> dict[str, str]:
        """Lists image IDs with their extensions.

        Args:
            known: the extension by which each ID was listed before: of two files with one ID that one is used, else
                the first by name.
            warn: is given a sentence for each file that is not used.
        """
        images: dict[str, str] = {}
        for name in _file_names(self.root, warn):
            parts = split_image_file(self.root / name)
            if parts is None:
                continue
            image, extension = parts
            if image not in images:
                images[image] = extension
                continue
            kept, unused = (extension, images[image]) if known.get(image) == extension else (images[image], extension)
            warn(f"{image}{unused} is not used, as {image}{kept} has the same ID; rename one of them.")
            images[image] = kept
        return images

    def scan_labels(self, warn: Warn) -> dict[str, set[str]]:
        """Lists the image IDs that have a label file, by tag; the shipped tags first."""
        tags = sorted(
            (entry.name for entry in _entries(self.labels, warn) if entry.is_dir() and not entry.name.startswith(".")),
            key=lambda tag: (LABEL_TAGS.index(tag) if tag in LABEL_TAGS else len(LABEL_TAGS), tag),
        )
        return {
            tag: {image for name in _file_names(self.labels / tag, warn) if (image := label_image(name)) is not None}
            for tag in tags
        }


def split_image_file(path: Path) -> tuple[str, str] | None:
    """Splits the name of an image file into ID and extension, as spelled; None for any other file.

    The extension of DICOM under a name that is no image's is empty, and its ID the whole name.
    """
    image = image_id_of(path)
    return None if not image else (image, path.name[len(image) :])


def label_image(name: str) -> str | None:
    """Returns the image ID in the name of a label file; None for any other file."""
    image = name.removesuffix(LABEL_EXTENSION)
    return None if image in {"", name} or name.startswith(".") else image


def check_tag(tag: str) -> str:
    """Returns a label tag, when it is one that labels are saved under.

    Raises:
        InputError: any other tag.
    """
    if tag not in LABEL_TAGS:
        raise InputError(f"The label tag {tag[:80]!r} is unknown; use one of {', '.join(LABEL_TAGS)}.")
    return tag


def _file_names(folder: Path, warn: Warn) -> list[str]:
    return sorted(entry.name for entry in _entries(folder, warn) if entry.is_file())


def _entries(folder: Path, warn: Warn) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                entry.name.encode()
            except UnicodeEncodeError:
                shown = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
                warn(f"{folder / shown} is not used, as its name is not UTF-8; rename it.")
                continue
            yield entry


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
