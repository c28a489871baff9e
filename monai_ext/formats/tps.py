"""TPS files of tpsDig, tpsUtil and geomorph: landmarks of geometric morphometrics.

``LM=n`` opens a specimen, and n lines ``x y`` follow; then, in any order, ``IMAGE=file``, ``ID=text`` and ``SCALE=s``
(the length of a pixel in the unit that a person chose). Landmarks have no names, only an order. ``-1 -1`` is tpsDig's
mark of a missing landmark (geomorph issue 15: its negative values are reserved for that); geomorph writes ``NA NA``.

Origin: y runs UP from the bottom edge, x to the right from the left one, in pixels whatever SCALE says. tpsDig's manual
does not say which point of a pixel is meant. Here whole numbers are pixel centres on both axes, counted from 0: the
centre of the bottom-left pixel is (0, 0), and y = height - 1 - row. On 40 fly wings with 480 points (the example of
ml-morph: Porto and Voje 2020, doi 10.1111/2041-210X.13373) the points then lie 0.13 +- 0.11 px along y from the darkest
place of the veins; with y = height - row, which ml-morph computes, they lie 0.87 px from it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai_ext.landmarks import InputError, PointsTable, Status, TablePoint, write_atomically

from .files import read_text
from .format import Format, FrameOf, Sample
from .gather import Gatherer, Numbering, number, posix_path

_FIRST = re.compile(r"(?:LM3?|CURVES|ID|IMAGE|COMMENT)=", re.IGNORECASE)
_LANDMARKS = re.compile(r"^\s*LM3?=\s*\d+\s*$", re.IGNORECASE | re.MULTILINE)
_MISSING_XY = (-1.0, -1.0)
_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "um": 0.001, "inch": 25.4}
#: Where each point stands, and its fields.
_Rows = list[tuple[str, list[str]]]


@dataclass
class _Specimen:
    """One specimen: the line that opens it, its landmarks with their lines, and its other keys in upper case."""

    where: str
    points: _Rows = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)


def recognises(sample: Sample) -> bool:
    """A text that opens with a key of TPS and has a line ``LM=n``."""
    text = (sample.text or "").lstrip()
    return bool(_FIRST.match(text) and _LANDMARKS.search(text))


def read(path: Path, names: Sequence[str] | None, frames: FrameOf, *, scale_unit: str | None = None) -> PointsTable:
    """Reads the landmarks of a TPS file; each image's height is asked of ``frames``.

    The image of a specimen is its IMAGE, or its ID where it has none (geomorph writes no IMAGE). Landmarks are named by
    ``names`` in order, else 1, 2, ... Curves and outlines are skipped with a warning.

    Args:
        path: the file.
        names: the names of the landmarks in order.
        frames: the frame of each image.
        scale_unit: the unit of SCALE: mm, cm, um or inch. None leaves SCALE out with a warning.

    Raises:
        InputError: a line is malformed, a specimen has neither IMAGE nor ID, or has three coordinates per landmark.
    """
    if scale_unit is not None and scale_unit not in _MILLIMETRES:
        raise InputError(f"The unit of SCALE is {', '.join(_MILLIMETRES)}, not {scale_unit!r}.")
    gathered = Gatherer(path, None)
    numbering = Numbering(names)
    missing = scaled = 0
    for specimen in _specimens(path):
        image = posix_path(specimen.keys.get("IMAGE") or specimen.keys.get("ID") or "")
        if not image:
            raise InputError(f"{specimen.where}: the specimen has neither IMAGE= nor ID=; add the name of its image.")
        size = frames(image).size
        pixel = _pixel(specimen, scale_unit)
        scaled += "SCALE" in specimen.keys
        gathered.image(image, size, specimen.where, mm_per_px=pixel)
        labels = numbering.names(len(specimen.points), specimen.where)
        for name, (where, fields) in zip(labels, specimen.points, strict=True):
            x, y = _coordinates(where, fields)
            is_missing = (x, y) == _MISSING_XY
            missing += is_missing
            status = Status.MISSING if is_missing else Status.DEFINED
            gathered.point(where, image, name, (x, size[1] - 1 - y), status)
    if scaled and scale_unit is None:
        warnings.warn(
            f"{path}: {scaled} SCALE lines are left out: state their unit (--scale-unit mm) to use them.", stacklevel=2
        )
    if missing:
        warnings.warn(f"{path}: {missing} landmarks at -1 -1 are read as missing, as tpsDig marks them.", stacklevel=2)
    return gathered.table()


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes a TPS file; an image without a size in the table is asked of ``frames``. Without a place: ``-1 -1``.

    SCALE is millimetres per pixel; TPS has one number for both axes, so that of unequal ones none is written, with a
    warning.
    """
    lines = []
    unequal = sum(len(set(entry.mm_per_px or ())) == 2 for entry in table.images.values())
    if unequal:
        warnings.warn(f"{path}: {unequal} images have unequal pixel sizes along x and y: no SCALE there.", stacklevel=2)
    for number_, (image, entry) in enumerate(table.images.items()):
        height = (entry.size or frames(image).size)[1]
        lines.append(f"LM={len(table.names)}")
        lines += [_line(image, name, entry.points.get(name), height) for name in table.names]
        lines += [f"IMAGE={image}", f"ID={number_}"]
        if entry.mm_per_px is not None and entry.mm_per_px[0] == entry.mm_per_px[1]:
            lines.append(f"SCALE={entry.mm_per_px[0]!r}")
    write_atomically(path, "\n".join(lines) + "\n")


def _coordinates(where: str, fields: list[str]) -> tuple[float, float]:
    if len(fields) != 2:
        raise InputError(f"{where}: a landmark is two numbers 'x y', not {' '.join(fields)!r:.80}.")
    if {value.upper() for value in fields} == {"NA"}:
        return _MISSING_XY
    x, y = (number(value, f"{where}: the coordinate") for value in fields)
    return x, y


def _pixel(specimen: _Specimen, unit: str | None) -> tuple[float, float] | None:
    """The millimetres per pixel that SCALE states; None if there is none or its unit is not known."""
    if "SCALE" not in specimen.keys:
        return None
    scale = number(specimen.keys["SCALE"], f"{specimen.where}: SCALE")
    if scale <= 0:
        raise InputError(f"{specimen.where}: SCALE must be above 0, not {scale:g}.")
    return None if unit is None else (scale * _MILLIMETRES[unit], scale * _MILLIMETRES[unit])


def _line(image: str, name: str, point: TablePoint | None, height: int) -> str:
    if point is None or point.status is not Status.DEFINED:
        x, y = _MISSING_XY
    else:
        x, y = point.x, height - 1 - point.y
        if (x, y) == _MISSING_XY:
            raise InputError(f"{name!r} of {image!r} lies at (-1, -1), which TPS uses for a missing landmark: move it.")
    return f"{x!r} {y!r}"


def _specimens(path: Path) -> Iterator[_Specimen]:
    """The specimens of a file, each with its landmarks; the points of curves and outlines are skipped."""
    specimen: _Specimen | None = None
    passed = 0
    for where, key, value, rows in _entries(path):
        if key == "LM":
            if specimen is not None:
                yield specimen
            specimen = _Specimen(where, rows)
        elif specimen is None:
            raise InputError(f"{where}: {key}= comes before the first LM=; a specimen starts with LM=.")
        else:
            specimen.keys[key] = value
            passed += key == "POINTS"
    if specimen is not None:
        yield specimen
    if passed:
        warnings.warn(f"{path}: {passed} curves or outlines are left out.", stacklevel=4)


def _entries(path: Path) -> Iterator[tuple[str, str, str, _Rows]]:
    """Each ``KEY=value`` with its line, the key in upper case, and the lines of points that it announces."""
    lines = [(f"{path}, line {number_}", line.strip()) for number_, line in enumerate(read_text(path).splitlines(), 1)]
    end = 0
    for position, (where, line) in enumerate(lines):
        if position < end or not line:
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        key = key.upper()
        if not equals:
            raise InputError(f"{where}: neither 'KEY=value' nor a point that a count announced: {line!r:.80}.")
        if key == "LM3" and value != "0":
            raise InputError(f"{where}: LM3 has three coordinates per landmark; those of an image have two: use LM.")
        value = value.removeprefix(f"{key}=")  # lists of images that tpsUtil made twice have IMAGE=IMAGE=file
        rows = _rows(where, lines, position + 1, value) if key in ("LM", "POINTS") else []
        end = position + 1 + len(rows)
        yield where, key, value, rows


def _rows(where: str, lines: list[tuple[str, str]], start: int, count: str) -> _Rows:
    """The lines of points that a count announces, split into fields."""
    if not (count.isascii() and count.isdigit()):
        raise InputError(f"{where}: the number of points must be a whole number, not {count!r}.")
    rows = lines[start : start + int(count)]
    short = next((index for index, (_, line) in enumerate(rows) if not line or "=" in line), len(rows))
    if short < int(count):
        raise InputError(f"{where}: {count} points are announced, but only {short} follow; correct the count.")
    return [(place, line.split()) for place, line in rows]


FORMAT = Format(
    name="tps",
    title="TPS (tpsDig, geomorph)",
    extension=".tps",
    recognises=recognises,
    read=read,
    write=write,
    centre=0.0,
    y_up=True,
    holds=frozenset({"missing", "images without points", "pixel sizes"}),
    options=("scale_unit",),
)
