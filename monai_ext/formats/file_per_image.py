"""Folders with one file per image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from monai_ext.images import image_id
from monai_ext.landmarks.errors import InputError
from monai_ext.landmarks.files import StagedFile, sync_folder


def files_of(path: Path, *extensions: str) -> list[Path]:
    """The file itself, or the files of a folder with one of the extensions, sorted; hidden ones are no such files.

    Raises:
        InputError: a folder holds none.
    """
    if not path.is_dir():
        return [path]
    found = [
        item
        for item in sorted(path.iterdir())
        if item.is_file() and not item.name.startswith(".") and item.name.lower().endswith(extensions)
    ]
    if not found:
        raise InputError(f"The folder {path} holds no file that ends in {' or '.join(extensions)}.")
    return found


def named_files(images: Iterable[str], extension: str) -> dict[str, str]:
    """The images by the name of the file that each gets: its ID, with ``_`` for the ``/`` of folders.

    Raises:
        InputError: two images would get the same file.
    """
    files: dict[str, str] = {}
    for image in images:
        flat = image.replace("/", "_")
        file = f"{image_id(flat) or flat}{extension}"
        if file in files:
            raise InputError(f"{files[file]!r} and {image!r} would both be written as {file}: rename one.")
        files[file] = image
    return files


def write_files(folder: Path, contents: Mapping[str, str]) -> None:
    """Writes several files into a folder: all are complete on the disk before the first takes its place.

    Raises:
        InputError: the folder is a file.
        OSError: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder.")
    staged: list[StagedFile] = []
    try:
        for name, text in contents.items():
            staged.append(StagedFile(folder / name, text))
        for file in staged:
            file.commit()
    except BaseException:
        for file in staged:
            file.discard()
        raise
    sync_folder(folder)


def write_json_files(folder: Path, documents: Mapping[str, Any]) -> None:
    """Writes several JSON files with :func:`write_files`."""
    write_files(folder, {name: json.dumps(item, indent=2, allow_nan=False) + "\n" for name, item in documents.items()})
