"""A file or folder as the recognisers of formats look at it."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from monai_ext.landmarks import DELIMITERS, InputError, decode_text

#: As many bytes of a table as its first lines never exceed.
_HEAD = 1_000_000


class Sample:
    """The content of a file, decoded once for all recognisers; None if it is not of that kind.

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
        """The files of a folder that end so, sorted, without hidden ones; for a file, itself."""
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
        """The text of a file in any encoding that :mod:`monai_ext.landmarks.table_text` knows."""
        found = decode_text(self.data) if self.data else None
        return None if found is None else found[0]

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
        text = (self.text or "")[:_HEAD].lstrip()
        if text.lower().startswith("sep="):  # Excel's own line
            text = text.partition("\n")[2]
        first = text.split("\n", 1)[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=first.count))
        try:
            return [[field.strip() for field in row] for row in itertools.islice(reader, 4)]
        except csv.Error:
            return []
