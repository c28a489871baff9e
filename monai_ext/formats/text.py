"""Text files of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from monai_ext.landmarks.errors import InputError
from monai_ext.landmarks.table_text import Numbers, decode_text, read_text_table


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
        raise InputError(f"{path} is no text in UTF-8, UTF-16 or Latin-1: save it in UTF-8.")
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
        raise InputError(f"{path} is empty: save the table anew.")
    width = len(table.rows[0][1])
    rows = [(f"{path}, line {number}", fields) for number, fields in table.rows]
    for where, fields in rows:
        if len(fields) != width:
            shown = table.delimiter.join(fields)
            raise InputError(f"{where}: {len(fields)} fields for {width} columns: {shown!r:.120}.")
    return Rows(rows, Numbers(table.delimiter))
