"""A file or folder as the recognisers of formats look at it."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from monai_ext.landmarks.errors import InputError

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS = (",", ";", "\t")


def decoded(data: bytes) -> str:
    """Text in UTF-8, or in what its byte-order mark says."""
    return data.decode(next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8"))


def read_text(path: Path) -> str:
    """Reads a text file in UTF-8, or in what its byte-order mark says.

    Raises:
        InputError: it cannot be read or decoded.
    """
    try:
        return decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text ({error}): save it in UTF-8.") from None


def read_rows(path: Path) -> list[tuple[str, list[str]]]:
    """Reads the rows of a delimited text file that are not empty, each with the file and line that it ends on.

    The delimiter is that of comma, semicolon and tab which the first line has most of; fields are stripped.

    Raises:
        InputError: it cannot be read, or a line is malformed.
    """
    text = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        rows = [(f"{path}, line {reader.line_num}", [field.strip() for field in row]) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not a delimited line ({error}).") from None
    return [(where, row) for where, row in rows if any(row)]


def _delimiter(text: str) -> str:
    return max(_DELIMITERS, key=text.lstrip().split("\n", 1)[0].count)


class Sample:
    """The content of a file, decoded once for all recognisers; None where it is not of that kind.

    Args:
        path: a file or a folder.

    Raises:
        InputError: there is no such file or folder, or it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise InputError(f"There is no table {self.path}: check the path.")

    def inside(self, extension: str) -> Iterator[Sample]:
        """The files of a folder that end so, sorted, hidden ones left out; for a file, itself."""
        if not self.path.is_dir():
            yield self
            return
        for item in sorted(self.path.iterdir()):
            if item.is_file() and not item.name.startswith(".") and item.name.lower().endswith(extension):
                yield Sample(item)

    @cached_property
    def data(self) -> bytes:
        """The bytes of the file; none for a folder."""
        try:
            return b"" if self.path.is_dir() else self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error}.") from None

    @cached_property
    def text(self) -> str | None:
        """The decoded text of a text file: UTF-8, or what its byte-order mark says."""
        try:
            return decoded(self.data) if self.data else None
        except UnicodeDecodeError:
            return None

    @cached_property
    def document(self) -> Any:
        """The JSON document in the file."""
        try:
            return json.loads(self.text or "")
        except (ValueError, RecursionError):
            return None

    @cached_property
    def header(self) -> list[list[str]]:
        """The fields of the first four lines, read as a table; stripped."""
        text = (self.text or "").lstrip()
        reader = csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=_delimiter(text))
        try:
            return [[field.strip() for field in row] for row in itertools.islice(reader, 4)]
        except csv.Error:
            return []
