"""A file or folder as the recognisers of formats look at it."""

from __future__ import annotations

import csv
import io
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from monai_ext.landmarks.errors import InputError
from monai_ext.landmarks.table_text import decode_text

_DELIMITERS = (",", ";", "\t")


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

    @cached_property
    def names(self) -> list[str]:
        """The names of the files in a folder, sorted; hidden ones are left out. Empty for a file."""
        if not self.path.is_dir():
            return []
        return sorted(item.name for item in self.path.iterdir() if item.is_file() and not item.name.startswith("."))

    @cached_property
    def data(self) -> bytes:
        """The bytes of the file; none for a folder."""
        try:
            return b"" if self.path.is_dir() else self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error}.") from None

    @cached_property
    def text(self) -> str | None:
        """The decoded text of a text file."""
        decoded = decode_text(self.data)
        return decoded[0] if decoded else None

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
        lines = (self.text or "").lstrip().splitlines()[:4]
        if not lines:
            return []
        delimiter = max(_DELIMITERS, key=lines[0].count)
        try:
            reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
            return [[field.strip() for field in row] for row in reader]
        except csv.Error:
            return []
