"""Pixel sizes that a person stated: ``calibration.json`` in a studies folder.

``{"ID": {"mm_per_px": [x, y], "how": "line", "length_mm": 50, "line": [[x, y], [x, y]], "annotator": "...",
"when": "2026-01-31T12:00:00+00:00", "earlier": [...]}}``; of an image only ``mm_per_px`` is needed. ``earlier`` holds
what was stated before, the latest last, null for nothing; an image whose size was withdrawn has ``mm_per_px`` null
beside it. It makes lengths millimetres; where an image lies in space never changes by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from monai_ext.landmarks import InputError, read_json

from .names import image_id, same_name
from .pixel_size import Line

CALIBRATION_FILE = "calibration.json"
#: How a pixel size became known: a line of known length along anything, a ruler, a sticker or the iris in the picture,
#: a table, or by a person who overrules what the file states.
How = Literal["line", "ruler", "sticker", "iris", "table", "overrule"]
HOW: tuple[How, ...] = get_args(How)
#: Earlier statements of one image that are kept.
KEPT_STATEMENTS = 20


class NothingStatedError(InputError):
    """An image has no stated pixel size, or none before the present one."""


@dataclass(frozen=True)
class StatedSize:
    """The size of a pixel as a person stated it.

    Args:
        mm_per_px: millimetres per pixel along (x, y).
        how: one of :data:`HOW`; a file that a person wrote may hold words of their own.
        length_mm: of the line that was drawn, or of the object.
        line: its ends in pixels.
        annotator: who stated it.
        table: the file name of the table that stated it.
        when: ISO 8601 in UTC; empty if unknown. Two sizes may be equal and of different times.
    """

    mm_per_px: tuple[float, float]
    how: str
    length_mm: float | None = None
    line: Line | None = None
    annotator: str | None = None
    table: str | None = None
    when: str = field(default="", compare=False)

    def source(self, file_source: str = "none") -> str:
        """Origin of the calibration of an image, for a person.

        Args:
            file_source: of the pixel size that the file itself states; ``"none"`` without one.

        Examples:
            >>> StatedSize((0.1, 0.1), "iris", 11.7).source()
            'iris width 11.7 mm, an estimate'
        """
        length = "" if self.length_mm is None else f"{self.length_mm:g} mm"
        if self.how == "iris":
            return f"iris width {length}, an estimate" if length else "iris width, an estimate"
        if self.how == "table":
            return f"table {self.table}" if self.table else "table"
        if self.how == "overrule":
            return f"{_of('a line', length) if length else 'stated'}, overruling the file ({file_source})"
        if self.how == "line":
            return f"{_of('a line', length)} drawn on the image"
        return _of(self.how, length)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON of the statement."""
        return {
            "mm_per_px": list(self.mm_per_px),
            "how": self.how,
            "length_mm": self.length_mm,
            "line": None if self.line is None else [list(end) for end in self.line],
            "annotator": self.annotator,
            "when": self.when or None,
        }


def _of(what: str, length: str) -> str:
    return f"{what} of {length}" if length else what


def stated_size(image: Path) -> StatedSize | None:
    """The size that ``calibration.json`` beside an image file states for it; None if there is none.

    Raises:
        InputError: the file is malformed.
    """
    sizes = read_stated_sizes(image.parent)
    own = image_id(image.name) or image.name
    found = same_name(own, sizes) if sizes else None
    return None if found is None else sizes[found]


def read_stated_sizes(folder: Path) -> Mapping[str, StatedSize]:
    """The stated sizes by image ID; none without the file.

    Raises:
        InputError: the file is malformed; names the image.
    """
    path = folder / CALIBRATION_FILE
    try:
        state = path.stat()
    except OSError:
        return {}
    return _parsed(path, (state.st_mtime_ns, state.st_ino, state.st_size))


def with_stated_sizes(folder: Path, sizes: Mapping[str, StatedSize | None]) -> dict[str, Any]:
    """The content of ``calibration.json`` with further sizes; what they replace becomes an earlier statement.

    Args:
        folder: the studies folder.
        sizes: by image ID; None withdraws the size of an image.

    Raises:
        InputError: the present file is malformed.
        NothingStatedError: a size is to be withdrawn where there is none.
    """
    present, document = read_stated_sizes(folder), _document(folder)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    for image, size in sizes.items():
        known = same_name(image, document) or image
        entry = document.get(known, {})
        if size is None and known not in present:
            raise NothingStatedError(f"No pixel size was stated for {image!r}: there is nothing to withdraw.")
        statement: dict[str, Any] = {"mm_per_px": None}
        if size is not None:
            stated = {**size.to_dict(), "table": size.table, "when": size.when or now}
            statement = {name: value for name, value in stated.items() if value is not None}
        before = {name: value for name, value in entry.items() if name != "earlier"} if known in present else None
        document[known] = {**statement, "earlier": [*_earlier(entry), before][-KEPT_STATEMENTS:]}
    return dict(sorted(document.items()))


def with_statement_undone(folder: Path, image: str) -> dict[str, Any]:
    """The content of ``calibration.json`` with the statement on an image that was there before the last change.

    Raises:
        InputError: the present file is malformed.
        NothingStatedError: the size of the image was never changed.
    """
    read_stated_sizes(folder)
    document = _document(folder)
    known = same_name(image, document)
    if known is None or not _earlier(document[known]):
        raise NothingStatedError(f"No earlier statement of the pixel size of {image!r} is kept: nothing can be undone.")
    *earlier, before = _earlier(document[known])
    if before is None and not earlier:
        del document[known]
    else:
        document[known] = {**(before or {"mm_per_px": None}), "earlier": earlier}
    return document


def without_statements(folder: Path, image: str) -> dict[str, Any] | None:
    """The content of ``calibration.json`` without all that was ever stated of an image; None where nothing was.

    Raises:
        InputError: the present file is malformed.
    """
    read_stated_sizes(folder)
    document = _document(folder)
    known = same_name(image, document)
    return None if known is None else {name: entry for name, entry in document.items() if name != known}


def _document(folder: Path) -> dict[str, Any]:
    path = folder / CALIBRATION_FILE
    return dict(read_json(path)) if path.exists() else {}


def _earlier(entry: Mapping[str, Any]) -> list[Any]:
    """The earlier statements of an image; before one that a person or a table wrote alone there was none."""
    return list(entry.get("earlier", [None] if entry else []))


@lru_cache(maxsize=16)
def _parsed(path: Path, state: tuple[int, int, int]) -> Mapping[str, StatedSize]:
    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(f'{path} must hold {{"ID": {{"mm_per_px": [x, y]}}}}, not {document!r:.80}.')
    sizes = {}
    for image, entry in document.items():
        where = f"{path}: the {{}} of {image!r}"
        earlier = entry.get("earlier", []) if isinstance(entry, dict) else []
        if not isinstance(earlier, list):
            raise InputError(f"{where.format('earlier')} must be a list, not {earlier!r:.80}: correct or remove it.")
        for statement in earlier:
            if statement is not None:
                _size(statement, where)
        if not (isinstance(entry, dict) and "earlier" in entry and entry.get("mm_per_px") is None):
            sizes[image] = _size(entry, where)
    return sizes


def _size(entry: Any, where: str) -> StatedSize:
    values = entry.get("mm_per_px") if isinstance(entry, dict) else None
    if not isinstance(values, list) or len(values) != 2 or not all(_is_size(value) for value in values):
        raise InputError(
            f"{where.format('mm_per_px')} must be two numbers above 0, not {values!r:.80}: correct or remove it."
        )
    how, table = _text(entry, "how") or "stated", _text(entry, "table")
    if how.startswith("table "):  # as it was written before there was a field for the table
        how, table = "table", how.removeprefix("table ")
    length, line = entry.get("length_mm"), entry.get("line")
    return StatedSize(
        (float(values[0]), float(values[1])),
        how,
        float(length) if _is_size(length) else None,
        _line(line),
        _text(entry, "annotator"),
        table,
        _text(entry, "when") or _text(entry, "time") or "",
    )


def _line(value: Any) -> Line | None:
    ends = [end for end in value if isinstance(end, list) and len(end) == 2] if isinstance(value, list) else []
    if len(ends) != 2 or not all(_is_number(number) for end in ends for number in end):
        return None
    (ax, ay), (bx, by) = ends
    return (float(ax), float(ay)), (float(bx), float(by))


def _text(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name)
    return value if isinstance(value, str) and value else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_size(value: Any) -> bool:
    return _is_number(value) and 0 < value < 1e9
