"""Files of other programs: text in any encoding, delimited tables, folders with one file per image."""

from __future__ import annotations

import csv
import io
import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from monai_ext.images import image_id
from monai_ext.landmarks import InputError, Numbers, StagedFile, decode_text, read_text_table, sync_folder


class Rows(NamedTuple):
    """The rows of a delimited table.

    Args:
        rows: where each line stands and its fields; all as long as the first, which is the header.
        numbers: reads the numbers in them.
    """

    rows: list[tuple[str, list[str]]]
    numbers: Numbers


def read_text(path: Path) -> str:
    """Reads a text file in any encoding that :mod:`monai_ext.landmarks.table_text` knows.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    try:
        found = decode_text(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    if found is None:
        raise InputError(f"{path} is not text in UTF-8, UTF-16 or Latin-1: save it in UTF-8.")
    return found[0]


def read_rows(path: Path, columns: Sequence[str]) -> Rows:
    """Reads a delimited table.

    Args:
        path: the file.
        columns: names that its header is to have some of, in lower case.

    Raises:
        InputError: the file is empty or no such table, or a row has another number of fields than the header.
    """
    table = read_text_table(path, columns)
    if not table.rows:
        raise InputError(f"{path} is empty: export the table again.")
    width = len(table.rows[0][1])
    rows = [(f"{path}, line {number}", fields) for number, fields in table.rows]
    for where, fields in rows:
        if len(fields) != width:
            shown = table.delimiter.join(fields)
            raise InputError(f"{where}: {len(fields)} fields for {width} columns: {shown!r:.120}.")
    return Rows(rows, Numbers(table.delimiter))


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """The rows as comma-separated lines."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def files_of(path: Path, *extensions: str) -> list[Path]:
    """The file itself, or the files of a folder with one of the extensions, sorted; hidden ones are no such files.

    Raises:
        InputError: a folder holds none.

    Warns:
        UserWarning: folders below it hold such files, which are not among them.
    """
    if not path.is_dir():
        return [path]
    found = _ending(path, extensions)
    if not found:
        raise InputError(f"The folder {path} holds no file that ends in {' or '.join(extensions)}.")
    below = [file for folder in _folders_below(path) for file in _ending(folder, extensions)]
    if below:
        warnings.warn(
            f"{path}: {len(below)} files in folders below are not read, as {below[0]}: import each folder by itself.",
            stacklevel=3,
        )
    return found


def _ending(folder: Path, extensions: tuple[str, ...]) -> list[Path]:
    return [
        item
        for item in sorted(folder.iterdir())
        if item.is_file() and not item.name.startswith(".") and item.name.lower().endswith(extensions)
    ]


def _folders_below(folder: Path) -> Iterator[Path]:
    for parent, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent) / name for name in folders)


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
