"""Tables of text as spreadsheets save them: the encoding, the separator and the decimal mark are found out."""

from __future__ import annotations

import codecs
import csv
import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import InputError

#: Separators of fields, with the words for them.
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
#: The 32-bit mark begins with the 16-bit one: it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What Windows programs in western Europe and America write that do not write Unicode; it holds Latin-1's letters.
_WESTERN = "cp1252"
#: What R, pandas and people write for a number that is not there.
_NO_NUMBER = frozenset({"na", "nan", "n/a", "null", "none", "missing", "-"})


def finite_number(text: str, where: str, decimal: str = ".") -> float:
    """The number that a field of a text file holds.

    Args:
        text: the field.
        where: what the error opens with.
        decimal: the decimal mark.

    Raises:
        InputError: it is empty, no number, NaN or infinite.
    """
    try:
        value = float(text.replace(decimal, "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        hint = "; leave the field empty where there is none" if text.casefold() in _NO_NUMBER else ""
        raise InputError(f"{where} must be a finite number, not {text!r}{hint}.")
    return value


def decode_text(data: bytes) -> tuple[str, str] | None:
    """The text of a file and its encoding; None for what is no text.

    The encoding is what the byte-order mark says, UTF-16 without a mark where every other byte of the
    first letters is zero, UTF-8, or else Windows-1252, which is Latin-1 with further letters.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _unmarked(data)
    for name in (encoding, _WESTERN) if encoding == "utf-8" else (encoding,):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else (text, name)
    return None


def _unmarked(data: bytes) -> str:
    start = data[:8]  # of the header, whose first letters are ASCII
    if len(start) < 4 or any(start[1::2]) == any(start[::2]):
        return "utf-8"
    return "utf-16-le" if any(start[::2]) else "utf-16-be"


class TextTable(NamedTuple):
    """The rows of a table.

    Args:
        delimiter: what separates the fields.
        rows: of each line that is not blank its number and its fields, stripped; the first is the header.
    """

    delimiter: str
    rows: list[tuple[int, list[str]]]


def read_text_table(path: str | Path, columns: Sequence[str]) -> TextTable:
    """Reads a table whose fields are separated by commas, semicolons or tabs.

    Args:
        path: the file: UTF-8, UTF-16, UTF-32, or Windows-1252 (Latin-1), which is said in a warning.
        columns: names that the header is to have in any case of letters; the separator that gives the most is taken.

    Raises:
        InputError: the file cannot be read, is no text, or has an open quotation mark; names the file and line.
    """
    try:
        decoded = decode_text(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    if decoded is None:
        raise InputError(f"{path} is not a table in UTF-8, UTF-16 or Latin-1: save it as CSV in UTF-8.")
    text, encoding = decoded
    if encoding == _WESTERN:
        warnings.warn(
            f"{path} is not in UTF-8: read as Windows-1252 (Latin-1); check names with accents, or save it as UTF-8.",
            stacklevel=3,
        )
    lines = text.split("\n", 2)
    stated = lines[0].strip().lower()
    if stated.startswith("sep=") and stated[4:] in {*DELIMITERS, ""}:  # Excel's own; strip() took a tab
        delimiter = stated[4:] or "\t"
    else:
        delimiter = max(DELIMITERS, key=lambda mark: _count(text, mark, columns))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, [field.strip() for field in fields]) for fields in reader]
    except csv.Error as error:
        separated = f"{DELIMITERS[delimiter]}-separated"
        raise InputError(f"{path}, line {reader.line_num}: not a {separated} line ({error}).") from None
    rows = [(number, fields) for number, fields in rows if any(fields)]
    return TextTable(delimiter, rows[1:] if stated.startswith("sep=") else rows)


def _count(text: str, delimiter: str, columns: Sequence[str]) -> int:
    """Number of the columns that the first line that is not blank has."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    try:
        fields = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        return 0
    return len({field.strip().casefold() for field in fields} & set(columns))


class Numbers:
    """The numbers of one table: with a decimal point, or all with a decimal comma where no comma separates fields.

    Args:
        delimiter: what separates the fields.
    """

    def __init__(self, delimiter: str) -> None:
        self._marks = "." if delimiter == "," else ".,"
        self._used = ""

    def read(self, text: str, where: str) -> float:
        """The number in a field.

        Raises:
            InputError: it is no finite number, or has another decimal mark than a number before it.
        """
        mark = next((mark for mark in self._marks if mark in text), "")
        value = finite_number(text, where, mark or ".")
        if mark and self._used not in ("", mark):
            raise InputError(
                f"{where}: {text!r} has a decimal {_mark_word(mark)}, a number above it a decimal "
                f"{_mark_word(self._used)}; write all numbers in one way."
            )
        self._used = mark or self._used
        return value


def _mark_word(mark: str) -> str:
    return "comma" if mark == "," else "point"
