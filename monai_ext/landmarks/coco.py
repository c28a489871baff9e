"""Landmarks in COCO keypoint files, in and out.

COCO writes a keypoint as (x, y, v). Its coordinates are pixel INDICES: (0, 0) is the centre of the top-left pixel, as
everywhere in this project (its boxes and masks, in contrast, measure from the pixel's corner). Tools that treat
keypoints like boxes put that centre at (0.5, 0.5); ``pixel_offset=0.5`` reads and writes their files.

The flag v is 2 for a visible and 1 for an occluded but placed point: both are defined here. v = 1 at (0, 0), which is
no place, stands for a landmark known to be missing. v = 0 is not annotated: undefined.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import read_json, write_json_atomically
from .points import Status
from .tables import ImagePoints, PointsTable, TablePoint

_MISSING = [0.0, 0.0, 1]
_UNDEFINED = [0.0, 0.0, 0]


def read_coco_keypoints(
    path: str | Path, names: Sequence[str] | None = None, *, category: str | None = None, pixel_offset: float = 0.0
) -> PointsTable:
    """Reads a COCO keypoint file.

    Args:
        path: the JSON file with ``images``, ``annotations`` and ``categories``.
        names: the landmarks to expect; None allows any.
        category: the name of the category to read; None takes the only one that has keypoints.
        pixel_offset: where the file puts the centre of the top-left pixel; subtracted from each coordinate.

    Returns:
        A table whose images are the file names, with their sizes; COCO knows no splits. An image without an annotation
        is left out with a warning.

    Raises:
        InputError: the file is malformed, the category is ambiguous or unknown, a landmark is unknown, or an image has
            several annotations; names the file and the entry.
    """
    document = read_json(path)
    images = _index(path, document, "images")
    chosen = _choose_category(path, _index(path, document, "categories"), category)
    labels = _keypoint_names(path, chosen, names)
    table = PointsTable(tuple(labels))
    annotated: dict[Any, Any] = {}
    for number, annotation in _index(path, document, "annotations").items():
        where = f"{path}, annotation {number!r}"
        if annotation.get("category_id") != chosen["id"]:
            continue
        image = images.get(_hashable(annotation.get("image_id")))
        if image is None:
            raise InputError(f"{where}: there is no image with the id {annotation.get('image_id')!r}.")
        if image["id"] in annotated:
            raise InputError(
                f"{where}: the image {image['id']!r} has the annotation {annotated[image['id']]!r} already; "
                "keep one per image."
            )
        annotated[image["id"]] = number
        file_name, size = _image(path, image)
        if file_name in table.images:
            raise InputError(f"{path} has two images with the file_name {file_name!r}; keep one.")
        points = _points(where, annotation.get("keypoints"), labels, pixel_offset)
        table.images[file_name] = ImagePoints(points, size)
    left_out = len(images) - len(annotated)
    if left_out:
        warnings.warn(f"{path}: {left_out} of {len(images)} images have no annotation and are left out.", stacklevel=2)
    return table


def write_coco_keypoints(
    path: str | Path,
    table: PointsTable,
    *,
    category: str = "landmarks",
    split: str | None = None,
    pixel_offset: float = 0.0,
) -> None:
    """Writes a COCO keypoint file, atomically.

    Args:
        path: the JSON file.
        table: the landmarks; each image needs its size. COCO has no place for the split.
        category: the name of the one category.
        split: writes only the images of that split; None writes all.
        pixel_offset: where the file shall put the centre of the top-left pixel.

    Raises:
        InputError: an image has no declared size.
    """
    images, annotations = [], []
    chosen = {image: entry for image, entry in table.images.items() if split is None or entry.split == split}
    for number, (image, entry) in enumerate(chosen.items(), start=1):
        if entry.size is None:
            raise InputError(f"COCO needs the width and height of {image!r}; add them to the table.")
        images.append({"id": number, "file_name": image, "width": entry.size[0], "height": entry.size[1]})
        points = [entry.points.get(name) for name in table.names]
        placed = [point for point in points if point is not None and point.status is Status.DEFINED]
        box = _box(placed, pixel_offset)
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "keypoints": [value for point in points for value in _triple(point, pixel_offset)],
                "num_keypoints": sum(point is not None and point.status >= 0 for point in points),
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
            }
        )
    categories = [{"id": 1, "name": category, "keypoints": list(table.names), "skeleton": []}]
    write_json_atomically(path, {"images": images, "annotations": annotations, "categories": categories})


def _triple(point: TablePoint | None, offset: float) -> list[float]:
    if point is None or point.status is Status.UNDEFINED:
        return _UNDEFINED
    return _MISSING if point.status is Status.MISSING else [point.x + offset, point.y + offset, 2]


def _box(points: list[TablePoint], offset: float) -> list[float]:
    """COCO's (left, top, width, height) around the points; zeros without any."""
    if not points:
        return [0.0, 0.0, 0.0, 0.0]
    left, top = min(point.x for point in points), min(point.y for point in points)
    width, height = max(point.x for point in points) - left, max(point.y for point in points) - top
    return [left + offset, top + offset, width, height]


def _index(path: str | Path, document: Any, key: str) -> dict[Any, dict[str, Any]]:
    """The entries of one of the document's lists by their id."""
    entries = document.get(key) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InputError(f"{path} is no COCO file: it has no list {key!r}.")
    found: dict[Any, dict[str, Any]] = {}
    for number, entry in enumerate(entries, start=1):
        identifier = _hashable(entry.get("id")) if isinstance(entry, dict) else None
        if identifier is None:
            raise InputError(f"{path}: entry {number} of {key!r} has no number or text as its id: {entry!r:.80}.")
        if identifier in found:
            raise InputError(f"{path}: the id {identifier!r} occurs twice in {key!r}; give each its own.")
        found[identifier] = entry
    return found


def _hashable(identifier: Any) -> Any:
    return identifier if isinstance(identifier, int | str) else None


def _choose_category(path: str | Path, categories: dict[Any, dict[str, Any]], name: str | None) -> dict[str, Any]:
    usable = [entry for entry in categories.values() if entry.get("keypoints")]
    found = usable if name is None else [entry for entry in usable if entry.get("name") == name]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(repr(entry.get("name")) for entry in usable) or "none"
    if not found:
        wanted = "" if name is None else f" {name!r}"
        raise InputError(f"{path} has no category{wanted} with keypoints; those with keypoints: {shown}.")
    raise InputError(f"{path} has several categories with keypoints ({shown}); say which one to read.")


def _keypoint_names(path: str | Path, category: dict[str, Any], names: Sequence[str] | None) -> list[str]:
    labels = category["keypoints"]
    if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
        raise InputError(f"{path}: the keypoints of a category must be a list of names, not {labels!r:.80}.")
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"{path}: the keypoint {label!r} occurs twice in its category; give each its own name.")
        if names is not None and label not in names:
            raise InputError(f"{path}: unknown landmark {label!r}; the landmarks are {', '.join(names)}.")
    return labels


def _image(path: str | Path, image: dict[str, Any]) -> tuple[str, tuple[int, int]]:
    where = f"{path}, image {image['id']!r}"
    file_name = image.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise InputError(f"{where}: file_name must be text, not {file_name!r}.")
    for key in ("width", "height"):
        value = image.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{where}: {key} must be a whole number of pixels above 0, not {value!r}.")
    return file_name, (image["width"], image["height"])


def _points(where: str, values: Any, labels: list[str], offset: float) -> dict[str, TablePoint]:
    if not isinstance(values, list) or len(values) != 3 * len(labels):
        size = len(values) if isinstance(values, list) else repr(values)
        raise InputError(f"{where}: keypoints must be {3 * len(labels)} numbers (x, y, v each), not {size}.")
    return {
        label: _point(f"{where}, keypoint {label!r}", *values[3 * k : 3 * k + 3], offset=offset)
        for k, label in enumerate(labels)
    }


def _point(where: str, x: Any, y: Any, flag: Any, *, offset: float) -> TablePoint:
    if isinstance(flag, bool) or flag not in (0, 1, 2):
        raise InputError(f"{where}: the visibility must be 0, 1 or 2, not {flag!r}.")
    numbers = [v for v in (x, y) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) != 2 or not all(abs(v) < 1e9 for v in numbers):
        raise InputError(f"{where}: the coordinates must be finite numbers, not {[x, y]!r:.80}.")
    if flag == 0:
        return TablePoint(math.nan, math.nan, Status.UNDEFINED)
    if flag == 1 and x == 0 and y == 0:
        return TablePoint(math.nan, math.nan, Status.MISSING)
    return TablePoint(float(x) - offset, float(y) - offset)
