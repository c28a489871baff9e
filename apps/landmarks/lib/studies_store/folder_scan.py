"""What lies in a studies folder: the extension of each image, the images that each tag labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..file_names import LABEL_TAGS, split_image_file, split_label_name

Warn = Callable[[str], None]


def scan_images(folder: Path, known: Mapping[str, str], warn: Warn) -> dict[str, str]:
    """Image IDs with their extensions; of two files with one ID the known one is used, else the first by name."""
    found: dict[str, str] = {}
    for name in _file_names(folder, warn):
        parts = split_image_file(folder / name)
        if parts is None:
            continue
        image, extension = parts
        if image not in found:
            found[image] = extension
            continue
        kept, unused = (extension, found[image]) if known.get(image) == extension else (found[image], extension)
        warn(f"{image}{unused} is not used, as {image}{kept} has the same ID; rename one of them.")
        found[image] = kept
    return found


def scan_labels(folder: Path, warn: Warn) -> dict[str, set[str]]:
    """The image IDs that have a label file, by tag; the shipped tags first."""
    tags = sorted(
        (entry.name for entry in _entries(folder, warn) if entry.is_dir() and not entry.name.startswith(".")),
        key=lambda tag: (LABEL_TAGS.index(tag) if tag in LABEL_TAGS else len(LABEL_TAGS), tag),
    )
    return {
        tag: {parts[0] for name in _file_names(folder / tag, warn) if (parts := split_label_name(name)) is not None}
        for tag in tags
    }


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
