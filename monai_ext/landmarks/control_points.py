"""Control points of a Slicer file, whichever format they were read from, and its legacy fiducial files (.fcsv)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError
from .files import decode_text
from .geometry import Frame, flip_lps_ras
from .points import Landmarks, Status
from .table_text import finite_number

# Slicer shows the description in its table and keeps it when it saves; keys of our own it would drop.
_CONFIDENCE = re.compile(r"(?:^|; )confidence (0(?:\.\d+)?|1(?:\.0+)?)$")


# Slicer before 4.11 wrote the number, later ones the word.
_FCSV_SYSTEMS = {"0": "RAS", "RAS": "RAS", "1": "LPS", "LPS": "LPS"}

# Slicer 5 adds two columns that its "# columns" line does not name; the first holds the position status.
_STATUS_COLUMN = "position status"
_UNNAMED_COLUMNS = (_STATUS_COLUMN, "auto created")
_PREVIEW = "1"
_FCSV_STATUS = {"0": Status.UNDEFINED, _PREVIEW: Status.DEFINED, "2": Status.DEFINED, "3": Status.MISSING}


@dataclass(frozen=True)
class ControlPoint:
    """A named point in LPS millimetres; its position counts only where the status is defined."""

    label: str
    status: Status
    lps: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    description: str = ""

    @property
    def confidence(self) -> float:
        """The confidence that the description ends with, e.g. ``confidence 0.930``; NaN where it states none."""
        found = _CONFIDENCE.search(self.description)
        return float(found[1]) if found else np.nan

    @property
    def words(self) -> str:
        """What a person wrote of the point: its description without the confidence."""
        return _CONFIDENCE.sub("", self.description)


def describe_confidence(confidence: float, previous: str = "") -> str:
    """A description that ends with the confidence, to three decimals.

    Args:
        confidence: in [0, 1]; NaN where unknown, and then none is stated.
        previous: the description so far; a confidence in it is replaced, a person's own words stay.
    """
    words = _CONFIDENCE.sub("", previous)
    stated = "" if np.isnan(confidence) else f"confidence {min(max(confidence, 0.0), 1.0):.3f}"
    return "; ".join(part for part in (words, stated) if part)


def gather_landmarks(
    points: Sequence[ControlPoint], frame: Frame, names: Sequence[str] | None, where: str | Path
) -> Landmarks:
    """Converts the control points of one file to landmarks in the pixels of its image.

    Args:
        points: the control points, in any order.
        frame: the image's frame.
        names: the expected names; the result has them in this order, absent ones undefined. None takes the file's.
        where: the file, for messages.

    Raises:
        InputError: a label is repeated, empty or not among the names; a point lies off the image plane.
    """
    seen: set[str] = set()
    for point in points:
        if not point.label:
            raise InputError(f"{where} has a control point without a label; name it after its landmark.")
        if point.label in seen:
            raise InputError(f"{where} has the label {point.label!r} more than once; keep one point per landmark.")
        seen.add(point.label)
        if names is not None and point.label not in names:
            raise InputError(f"{where} has the unknown label {point.label!r}; the landmarks are {', '.join(names)}.")
    defined = np.array([point.status is Status.DEFINED for point in points], dtype=bool)
    lps = np.array([point.lps for point in points], dtype=np.float64).reshape(-1, 3)
    lps[~defined] = np.nan
    try:
        pixels = frame.from_lps(lps)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    landmarks = Landmarks(
        [point.label for point in points],
        pixels,
        frame,
        [point.status for point in points],
        [point.confidence for point in points],
    )
    return landmarks if names is None else landmarks.reordered(names)


def parse_fcsv(content: bytes, where: str) -> list[ControlPoint]:
    """Parses the control points of an .fcsv file, converted to LPS millimetres.

    The coordinate system is the header's: 0 or RAS, 1 or LPS. A file that does not state it is refused, since
    Slicer's own versions disagree on what it then means. A preview is defined where it has been placed, as in
    :func:`~monai_ext.landmarks.read_markups`; one that has not, Slicer writes at 0, 0, 0. Older files know no status,
    and all their points are defined.

    Raises:
        InputError: the file is not UTF-8, lacks a header line, or has a malformed line; names file and line.
    """
    lines = list(io.StringIO(decode_text(content, where), newline=None))
    system, columns = _header(where, lines)
    points: list[ControlPoint] = []
    # A comment becomes an empty line, so that the reader goes on counting lines.
    reader = csv.reader(("" if line.startswith("#") else line for line in lines), strict=True)
    try:
        for row in reader:
            if any(field.strip() for field in row):
                points.append(_point(f"{where}, line {reader.line_num}", row, columns, system))
    except csv.Error as error:
        raise InputError(f"{where}, line {reader.line_num}: not a comma-separated line ({error}).") from None
    return points


def _header(where: str, lines: list[str]) -> tuple[str, list[str]]:
    """The coordinate system and the column names of the leading comment lines."""
    values: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, start=1):
        key, equals, value = line.removeprefix("#").partition("=")
        if line.startswith("#") and equals:
            values[key.strip()] = (number, value.strip())
    for key, example in (("CoordinateSystem", "LPS"), ("columns", "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc")):
        if key not in values:
            raise InputError(f"{where} has no line '# {key} = {example}'; add it, or save the points again in Slicer.")
    number, stated = values["CoordinateSystem"]
    if stated not in _FCSV_SYSTEMS:
        raise InputError(
            f"{where}, line {number}: the coordinate system {stated!r} is none of {', '.join(_FCSV_SYSTEMS)}."
        )
    number, columns = values["columns"]
    names = [name.strip() for name in columns.split(",")]
    missing = [name for name in ("x", "y", "z", "label") if name not in names]
    if missing:
        raise InputError(f"{where}, line {number}: the column {missing[0]!r} is missing from {columns!r}.")
    return _FCSV_SYSTEMS[stated], [*names, *_UNNAMED_COLUMNS]


def _point(where: str, row: list[str], columns: list[str], system: str) -> ControlPoint:
    if len(row) > len(columns):
        raise InputError(f"{where}: {len(row)} fields for at most {len(columns)} columns; quote a comma in a label.")
    fields = dict(zip(columns, (field.strip() for field in row), strict=False))
    missing = next((name for name in ("x", "y", "z", "label") if name not in fields), None)
    if missing:
        raise InputError(f"{where}: the line ends before the column {missing!r}: {','.join(row)!r}.")
    code = fields.get(_STATUS_COLUMN) or "2"
    if code not in _FCSV_STATUS:
        raise InputError(f"{where}: the position status {code!r} is none of {', '.join(_FCSV_STATUS)}.")
    x, y, z = (finite_number(fields[axis], f"{where}: {axis}") for axis in "xyz")
    status = _FCSV_STATUS[code] if code != _PREVIEW or any((x, y, z)) else Status.UNDEFINED
    if system == "RAS":
        x, y, z = flip_lps_ras((x, y, z)).tolist()
    return ControlPoint(fields["label"], status, (x, y, z), fields.get("desc", ""))
