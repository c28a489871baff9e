"""Control points of Slicer's legacy fiducial files (.fcsv)."""

from __future__ import annotations

import csv
import io

from .control_points import ControlPoint
from .errors import InputError
from .files import decode_text
from .geometry import flip_lps_ras
from .points import Status
from .tables import finite_number

# Slicer before 4.11 wrote the number, later ones the word.
_SYSTEMS = {"0": "RAS", "RAS": "RAS", "1": "LPS", "LPS": "LPS"}

# Slicer 5 adds two columns that its "# columns" line does not name; the first holds the position status.
_STATUS_COLUMN = "position status"
_UNNAMED_COLUMNS = (_STATUS_COLUMN, "auto created")
_PREVIEW = "1"
_STATUS = {"0": Status.UNDEFINED, _PREVIEW: Status.DEFINED, "2": Status.DEFINED, "3": Status.MISSING}


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
            raise InputError(f"{where} has no line '# {key} = {example}'; add it, or save the points anew in Slicer.")
    number, stated = values["CoordinateSystem"]
    if stated not in _SYSTEMS:
        raise InputError(f"{where}, line {number}: the coordinate system {stated!r} is none of {', '.join(_SYSTEMS)}.")
    number, columns = values["columns"]
    names = [name.strip() for name in columns.split(",")]
    missing = [name for name in ("x", "y", "z", "label") if name not in names]
    if missing:
        raise InputError(f"{where}, line {number}: the column {missing[0]!r} is missing from {columns!r}.")
    return _SYSTEMS[stated], [*names, *_UNNAMED_COLUMNS]


def _point(where: str, row: list[str], columns: list[str], system: str) -> ControlPoint:
    if len(row) > len(columns):
        raise InputError(f"{where}: {len(row)} fields for at most {len(columns)} columns; quote a comma in a label.")
    fields = dict(zip(columns, (field.strip() for field in row), strict=False))
    missing = next((name for name in ("x", "y", "z", "label") if name not in fields), None)
    if missing:
        raise InputError(f"{where}: the line ends before the column {missing!r}: {','.join(row)!r}.")
    code = fields.get(_STATUS_COLUMN) or "2"
    if code not in _STATUS:
        raise InputError(f"{where}: the position status {code!r} is none of {', '.join(_STATUS)}.")
    x, y, z = (finite_number(fields[axis], f"{where}: {axis}") for axis in "xyz")
    status = _STATUS[code] if code != _PREVIEW or any((x, y, z)) else Status.UNDEFINED
    if system == "RAS":
        x, y, z = flip_lps_ras((x, y, z)).tolist()
    return ControlPoint(fields["label"], status, (x, y, z), fields.get("desc", ""))
