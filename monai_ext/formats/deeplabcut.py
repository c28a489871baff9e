"""DeepLabCut: the labels of single-animal projects, ``CollectedData_SCORER.csv`` and ``.h5``.

Three rows head the table: scorer, bodyparts and coords (x, y). A row is an image, named ``labeled-data/VIDEO/img.png``
in one column or, since version 2.2, in three. An empty cell (NaN) is a point that was not placed: undefined.

Origin: the centre of the top-left pixel, at whole numbers on both axes. Both of DeepLabCut's labelling tools take the
coordinates of the library that draws the image, matplotlib's ``imshow`` and napari, which centre pixels there (napari's
guide, "Coordinate systems in napari").

Images that are not named ``labeled-data/VIDEO/img.png`` are written as ``labeled-data/images/...``, with ``_`` for the
``/`` of other folders, since DeepLabCut reads no others. Its function ``convertcsv2h5`` puts the project's scorer in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from monai_ext.landmarks import InputError, PointsTable, Status, write_atomically

from .files import csv_text, read_rows
from .format import Format, FrameOf, Sample, optional_package
from .gather import Gatherer, posix_path

_FOLDER = "labeled-data"
_SCORER = "monai-landmarks"
_KEY = "df_with_missing"
_HDF5 = b"\x89HDF\r\n\x1a\n"
#: (bodypart, x or y) of each column.
_Columns = list[tuple[str, str]]


def recognises_csv(sample: Sample) -> bool:
    """A table that opens with the rows scorer, bodyparts and coords (individuals, in projects of several animals)."""
    return [row[0].casefold() for row in sample.header[:2] if row] in (
        ["scorer", "bodyparts"],
        ["scorer", "individuals"],
    )


def recognises_h5(sample: Sample) -> bool:
    """An HDF5 file with DeepLabCut's key."""
    return sample.data.startswith(_HDF5) and _KEY.encode() in sample.data


def read_csv_file(path: Path, names: Sequence[str] | None, frames: FrameOf) -> PointsTable:
    """Reads ``CollectedData_SCORER.csv``.

    Raises:
        InputError: several scorers or animals, predictions on a video, or a malformed row.
    """
    rows, numbers = read_rows(path, ("scorer", "bodyparts", "coords"))
    heads = {row[0].casefold(): row for _, row in rows[:4]}
    if "coords" not in heads:
        raise InputError(f"{path} has no row 'coords' among its first four; save the labels again in DeepLabCut.")
    body = rows[list(heads).index("coords") + 1 :]
    skipped = next((k for k, field in enumerate(heads["coords"][1:], 1) if field), len(heads["coords"]))
    columns = _columns(path, {key: row[skipped:] for key, row in heads.items()})
    values = (
        (where, row[:skipped], [numbers.read(v, f"{where}: a coordinate") if v else math.nan for v in row[skipped:]])
        for where, row in body
    )
    return _table(path, names, columns, values)


def read_h5_file(path: Path, names: Sequence[str] | None, frames: FrameOf) -> PointsTable:
    """Reads ``CollectedData_SCORER.h5``; needs the extra ``deeplabcut``.

    Raises:
        InputError: as :func:`read_csv_file`; no HDF5 file of pandas, or the packages are not installed.
    """
    pandas = _pandas()
    try:
        frame = pandas.read_hdf(path, key=_KEY)
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError):
        raise InputError(f"{path} holds no labels of DeepLabCut: import the CSV file beside it.") from None
    heads = {name: list(frame.columns.get_level_values(name)) for name in frame.columns.names}
    columns = _columns(path, heads)
    rows = (
        (f"{path}, row {number}", [str(p) for p in (key if isinstance(key, tuple) else (key,))], values)
        for number, (key, values) in enumerate(zip(frame.index, frame.to_numpy().tolist(), strict=True), 1)
    )
    return _table(path, names, columns, rows)


def write_csv_file(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes the CSV file, with three columns for the name of an image."""
    columns = [(name, axis) for name in table.names for axis in "xy"]
    heads = [
        ["scorer", "", "", *[_SCORER] * len(columns)],
        ["bodyparts", "", "", *(name for name, _ in columns)],
        ["coords", "", "", *(axis for _, axis in columns)],
    ]
    body = [[*key, *("" if math.isnan(value) else repr(value) for value in values)] for key, values in _written(table)]
    write_atomically(path, csv_text(heads + body))


def write_h5_file(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes the H5 file; needs the extra ``deeplabcut``."""
    pandas = _pandas()
    rows = _written(table)
    levels = ["scorer", "bodyparts", "coords"]
    columns = pandas.MultiIndex.from_product([[_SCORER], list(table.names), ["x", "y"]], names=levels)
    index = pandas.MultiIndex.from_tuples([key for key, _ in rows])
    frame = pandas.DataFrame([values for _, values in rows], index=index, columns=columns, dtype="float64")
    with pandas.HDFStore("labels", mode="w", driver="H5FD_CORE", driver_core_backing_store=0) as store:
        store.put(_KEY, frame, format="fixed")
        store.flush()
        content = store._handle.get_file_image()
    write_atomically(path, content)


def _pandas() -> Any:
    optional_package("tables", "deeplabcut", "A DeepLabCut H5 file")
    return optional_package("pandas", "deeplabcut", "A DeepLabCut H5 file")


def _columns(path: Path, heads: dict[Any, list[str]]) -> _Columns:
    for key, what in (("scorer", "scorers"), ("individuals", "animals")):
        found = list(dict.fromkeys(heads.get(key, [])))
        if len(found) > 1:
            raise InputError(f"{path} has the labels of several {what} ({', '.join(map(str, found))}); keep one.")
    if "likelihood" in heads.get("coords", []):
        raise InputError(
            f"{path} holds predictions on a video, not labels: use CollectedData of the folder labeled-data."
        )
    if not {"bodyparts", "coords"} <= heads.keys() or not set(heads["coords"]) <= {"x", "y"}:
        raise InputError(
            f"{path}: the rows bodyparts and coords (x, y) must head a table of DeepLabCut, not {list(heads)}."
        )
    return list(zip(heads["bodyparts"], heads["coords"], strict=True))


def _table(
    path: Path,
    names: Sequence[str] | None,
    columns: _Columns,
    rows: Iterable[tuple[str, list[str], Sequence[float]]],
) -> PointsTable:
    gathered = Gatherer(path, names)
    for name in dict.fromkeys(name for name, _ in columns):
        gathered.landmark(str(path), name)
        if sorted(axis for other, axis in columns if other == name) != ["x", "y"]:
            raise InputError(f"{path}: the bodypart {name!r} needs one column x and one column y.")
    for where, key, values in rows:
        image = posix_path("/".join(part for part in key if part))
        gathered.image(image, None, where)
        found: dict[str, dict[str, float]] = {}
        for (name, axis), value in zip(columns, values, strict=True):
            found.setdefault(name, {})[axis] = value
        for name, xy in found.items():
            status = Status.UNDEFINED if math.isnan(xy["x"]) and math.isnan(xy["y"]) else Status.DEFINED
            gathered.point(where, image, name, (xy["x"], xy["y"]), status)
    return gathered.table()


def _written(table: PointsTable) -> list[tuple[tuple[str, ...], list[float]]]:
    """The rows of a table: the three parts of each image's name, and its coordinates with NaN for no place.

    Raises:
        InputError: two images would get the same name.
    """
    rows: dict[tuple[str, ...], list[float]] = {}
    for image, entry in table.images.items():
        parts = tuple(image.split("/"))
        key = parts if len(parts) == 3 and parts[0] == _FOLDER else (_FOLDER, "images", image.replace("/", "_"))
        if key in rows:
            raise InputError(f"Two images would be written to the same name, {'/'.join(key)}: rename one.")
        points = [entry.points.get(name) for name in table.names]
        placed = [point if point is not None and point.status is Status.DEFINED else None for point in points]
        rows[key] = [value for point in placed for value in ((point.x, point.y) if point else (math.nan, math.nan))]
    return list(rows.items())


FORMAT = Format(
    name="deeplabcut",
    title="DeepLabCut (CSV)",
    extension=".csv",
    recognises=recognises_csv,
    read=read_csv_file,
    write=write_csv_file,
    centre=0.0,
    holds=frozenset({"names", "undefined", "images without points"}),
)
H5_FORMAT = Format(
    name="deeplabcut-h5",
    title="DeepLabCut (H5)",
    extension=".h5",
    recognises=recognises_h5,
    read=read_h5_file,
    write=write_h5_file,
    centre=0.0,
    holds=frozenset({"names", "undefined", "images without points"}),
)
