"""VGG Image Annotator 2: point regions in a project, in annotations as JSON, or in annotations as CSV.

Origin: the centre of the top-left pixel. VIA rounds the clicked position, ``offsetX * image width / canvas width``, to
whole pixels (``via.js``, the mouse handler's case POINT): at its normal zoom, where one canvas pixel shows one image
pixel, the number is the index of the clicked pixel. In an enlarged view it is up to half a pixel more. VIA shows the
upright picture of an image with an EXIF orientation.

The name of a landmark is a region attribute, whose own name each project chooses: the only one that has a value, or the
one that the option ``attribute`` names. Regions without attributes are named in their order.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_ext.landmarks import (
    ImagePoints,
    InputError,
    PointsTable,
    Status,
    read_json,
    write_atomically,
    write_json_atomically,
)

from .files import csv_text, read_rows
from .format import Format, FrameOf, Sample
from .gather import Gatherer, Numbering, posix_path

_COLUMNS = (
    "filename",
    "file_size",
    "file_attributes",
    "region_count",
    "region_id",
    "region_shape_attributes",
    "region_attributes",
)
_ATTRIBUTE = "landmark"
#: The image files of VIA's annotations by name, each with its regions as (place in the file, region).
_Images = dict[str, list[tuple[str, dict[str, Any]]]]


def recognises_json(sample: Sample) -> bool:
    """A VIA project, or a JSON object whose values have a file name and regions."""
    document = sample.document
    if not isinstance(document, dict):
        return False
    entries = document.get("_via_img_metadata", document)
    values = list(entries.values()) if isinstance(entries, dict) else []
    return "_via_img_metadata" in document or (
        bool(values) and all(isinstance(item, dict) and {"filename", "regions"} <= item.keys() for item in values)
    )


def recognises_csv(sample: Sample) -> bool:
    """A table with VIA's columns; its version 1.0 put a # before the first."""
    return bool(sample.header) and set(_COLUMNS) <= {column.lstrip("#") for column in sample.header[0]}


def read_json_file(
    path: Path, names: Sequence[str] | None, frames: FrameOf, *, attribute: str | None = None
) -> PointsTable:
    """Reads a project or annotations as JSON; see :func:`_table`."""
    document = read_json(path)
    entries = document.get("_via_img_metadata", document) if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise InputError(f"{path} is not a VIA file: it has no object of images.")
    images: _Images = {}
    for key, entry in entries.items():
        where = f"{path}, {key!r}"
        file, regions = (entry.get("filename"), entry.get("regions")) if isinstance(entry, dict) else (None, None)
        if isinstance(regions, dict):  # VIA 1 numbers them
            regions = list(regions.values())
        if not isinstance(file, str) or not isinstance(regions, list):
            raise InputError(f"{where}: an image needs a filename and regions: {entry!r:.80}.")
        if posix_path(file) in images:
            raise InputError(f"{where}: the image {file!r} occurs twice; keep one set of points per image.")
        images[posix_path(file)] = [(f"{where}, region {index}", region) for index, region in enumerate(regions, 1)]
    return _table(path, images, names, attribute)


def read_csv_file(
    path: Path, names: Sequence[str] | None, frames: FrameOf, *, attribute: str | None = None
) -> PointsTable:
    """Reads annotations as CSV; see :func:`_table`."""
    (_, header), *rows = read_rows(path, (*_COLUMNS, f"#{_COLUMNS[0]}")).rows
    columns = [column.lstrip("#") for column in header]
    absent = next((column for column in _COLUMNS if column not in columns), None)
    if absent is not None:
        raise InputError(f"{path}, line 1: the column {absent!r} of VIA is missing from {','.join(header)!r:.120}.")
    images: _Images = {}
    for where, fields in rows:
        row = dict(zip(columns, fields, strict=True))
        regions = images.setdefault(posix_path(row["filename"]), [])
        region = {key: _object(row[f"region_{key}"], where) for key in ("shape_attributes", "attributes")}
        if region["shape_attributes"]:
            regions.append(
                (where, {"shape_attributes": region["shape_attributes"], "region_attributes": region["attributes"]})
            )
    return _table(path, images, names, attribute)


def write_json_file(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes annotations as JSON. The size of the image file in bytes, which VIA keeps, is written as unknown (-1)."""
    write_json_atomically(
        path,
        {
            f"{image}-1": {"filename": image, "size": -1, "regions": _written(entry), "file_attributes": {}}
            for image, entry in table.images.items()
        },
    )


def write_csv_file(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes annotations as CSV."""
    rows: list[Sequence[Any]] = [_COLUMNS]
    for image, entry in table.images.items():
        regions = _written(entry)
        for index, region in enumerate(regions or [{"shape_attributes": {}, "region_attributes": {}}]):
            shape, attributes = (json.dumps(region[key]) for key in ("shape_attributes", "region_attributes"))
            rows.append([image, -1, "{}", len(regions), index, shape, attributes])
    write_atomically(path, csv_text(rows))


def _table(path: Path, images: _Images, names: Sequence[str] | None, attribute: str | None) -> PointsTable:
    """The table of VIA's regions. Regions that are not points are skipped with a warning.

    Raises:
        InputError: a region is malformed, or it is not clear which attribute names the landmarks.
    """
    other = 0
    points: dict[str, list[tuple[str, dict[str, Any], dict[str, Any]]]] = {}
    for image, regions in images.items():
        points[image] = []
        for where, region in regions:
            shape, attributes = _parts(region, where)
            if shape.get("name") == "point":
                points[image].append((where, shape, attributes))
            else:
                other += 1
    attribute = attribute or _naming_attribute(path, [item[2] for found in points.values() for item in found])
    gathered, numbering = Gatherer(path, names if attribute else None), Numbering(names)
    for image, found in points.items():
        gathered.image(image)
        labels = (
            [_label(where, attributes, attribute) for where, _, attributes in found]
            if attribute
            else numbering.names(len(found), f"{path}, {image!r}")
        )
        for label, (where, shape, _) in zip(labels, found, strict=True):
            gathered.point(where, image, label, (shape.get("cx"), shape.get("cy")))
    if other:
        warnings.warn(f"{path}: {other} regions that are not points are left out.", stacklevel=3)
    return gathered.table()


def _naming_attribute(path: Path, regions: list[Mapping[str, Any]]) -> str | None:
    """The region attribute that has values; None if there is none at all."""
    used = dict.fromkeys(key for attributes in regions for key, value in attributes.items() if value)
    if len(used) > 1:
        raise InputError(
            f"{path}: the regions have several attributes ({', '.join(used)}): say which one is the name, "
            "with --attribute."
        )
    return next(iter(used), None)


def _label(where: str, attributes: Mapping[str, Any], attribute: str) -> str:
    value = attributes.get(attribute)
    chosen = [key for key, ticked in value.items() if ticked] if isinstance(value, dict) else [value]
    if len(chosen) != 1 or not isinstance(chosen[0], str):
        raise InputError(f"{where}: the attribute {attribute!r} must be one name, not {value!r:.80}.")
    return chosen[0].strip()


def _parts(region: Any, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    shape, attributes = (
        region.get(key) if isinstance(region, dict) else None for key in ("shape_attributes", "region_attributes")
    )
    if not isinstance(shape, dict) or not isinstance(attributes, dict):
        raise InputError(f"{where}: a region needs shape_attributes and region_attributes: {region!r:.80}.")
    return shape, attributes


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InputError(f"{where}: the attributes must be a JSON object, not {text!r:.80}.")
    return value


def _written(entry: ImagePoints) -> list[dict[str, Any]]:
    return [
        {
            "shape_attributes": {"name": "point", "cx": point.x, "cy": point.y},
            "region_attributes": {_ATTRIBUTE: name},
        }
        for name, point in entry.points.items()
        if point.status is Status.DEFINED
    ]


FORMAT = Format(
    name="via",
    title="VIA 2 (JSON)",
    extension=".json",
    recognises=recognises_json,
    read=read_json_file,
    write=write_json_file,
    centre=0.0,
    holds=frozenset({"names", "undefined", "images without points"}),
    options=("attribute",),
    upright=True,
)
CSV_FORMAT = Format(
    name="via-csv",
    title="VIA 2 (CSV)",
    extension=".csv",
    recognises=recognises_csv,
    read=read_csv_file,
    write=write_csv_file,
    centre=0.0,
    holds=frozenset({"names", "undefined", "images without points"}),
    options=("attribute",),
    upright=True,
)
