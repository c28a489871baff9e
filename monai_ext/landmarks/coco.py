"""Landmarks in COCO keypoint files, in and out.

COCO writes a keypoint as (x, y, v). Its coordinates are pixel INDICES: (0, 0) is the centre of the top-left pixel, as
everywhere in this project (its boxes and masks, in contrast, measure from the pixel's corner). Tools that treat
keypoints like boxes put that centre at (0.5, 0.5); ``pixel_offset=0.5`` reads and writes their files.

The flag v is 2 for a visible and 1 for an occluded but placed point: both are defined here. v = 1 at (0, 0), which is
no place, stands for a landmark known to be missing. v = 0 is not annotated: undefined; coordinates beside it, which
COCO does not know, are counted in a warning, or taken with ``take_v0=True``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .coco_document import choose_category, hashable, image_file, index, keypoint_names
from .errors import InputError
from .files import read_json, write_json_atomically
from .points import Status
from .tables import ImagePoints, PointsTable, TablePoint

_MISSING = [0.0, 0.0, 1]
_UNDEFINED = [0.0, 0.0, 0]


def read_coco_keypoints(
    path: str | Path,
    names: Sequence[str] | None = None,
    *,
    category: str | None = None,
    pixel_offset: float = 0.0,
    take_v0: bool = False,
) -> PointsTable:
    """Reads a COCO keypoint file.

    Args:
        path: the JSON file with ``images``, ``annotations`` and ``categories``.
        names: the landmarks to expect; None allows any. For a category without names, as in the COCO files of 300W and
            WFLW, the names of its keypoints in order.
        category: the name of the category to read; None takes the only one that has keypoints.
        pixel_offset: where the file puts the centre of the top-left pixel; subtracted from each coordinate.
        take_v0: take points with v = 0 that have coordinates other than (0, 0) as defined.

    Returns:
        A table whose images are the file names, with their sizes; COCO knows no splits. An image without an annotation
        is left out with a warning. Of several annotations of an image the one that has a keypoint counts, boxes beside
        it do not.

    Raises:
        InputError: the file is malformed, the category is ambiguous or unknown, a landmark is unknown, or an image has
            several annotations; names the file and the entry.
    """
    document = read_json(path)
    images = index(path, document, "images")
    annotations = index(path, document, "annotations")
    chosen = choose_category(path, index(path, document, "categories"), category, annotations)
    labels = keypoint_names(path, chosen, names)
    found: dict[Any, dict[Any, dict[str, TablePoint]]] = {}
    boxes = hidden = 0
    for number, annotation in annotations.items():
        where = f"{path}, annotation {number!r}"
        if annotation.get("category_id") != chosen["id"]:
            continue
        image = images.get(hashable(annotation.get("image_id")))
        if image is None:
            raise InputError(f"{where}: there is no image with the id {annotation.get('image_id')!r}.")
        if annotation.get("keypoints", []) == []:
            boxes += 1
            continue
        points, untaken = _points(where, annotation.get("keypoints"), labels, pixel_offset, take_v0)
        hidden += untaken
        found.setdefault(image["id"], {})[number] = points
    table = PointsTable(tuple(labels))
    for identifier, candidates in found.items():
        file_name, size = image_file(path, images[identifier])
        if file_name in table.images:
            raise InputError(f"{path} has two images with the file_name {file_name!r}; keep one.")
        table.images[file_name] = ImagePoints(_only(path, identifier, candidates), size)
    _tell(path, len(images) - len(found), len(images), boxes, hidden)
    return table


def _only(path: str | Path, image: Any, candidates: dict[Any, dict[str, TablePoint]]) -> dict[str, TablePoint]:
    """The points of the only annotation of an image that states any."""
    stated = [n for n, points in candidates.items() if any(p.status is not Status.UNDEFINED for p in points.values())]
    numbers = stated or list(candidates)
    if len(numbers) > 1:
        raise InputError(
            f"{path}, annotation {numbers[1]!r}: the image {image!r} has the annotation {numbers[0]!r} already; "
            "keep one per image."
        )
    return candidates[numbers[0]]


def _tell(path: str | Path, left_out: int, images: int, boxes: int, hidden: int) -> None:
    if left_out:
        warnings.warn(f"{path}: {left_out} of {images} images have no annotation and are left out.", stacklevel=3)
    if boxes:
        warnings.warn(f"{path}: {boxes} annotations without keypoints are not read.", stacklevel=3)
    if hidden:
        warnings.warn(
            f"{path}: {hidden} keypoints have coordinates but the visibility 0 (not annotated) and are left undefined; "
            "--take-v0 takes them.",
            stacklevel=3,
        )


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


def _points(
    where: str, values: Any, labels: list[str], offset: float, take_v0: bool
) -> tuple[dict[str, TablePoint], int]:
    """The points of an annotation, and how many have coordinates that were not taken as their visibility is 0."""
    if not isinstance(values, list) or len(values) != 3 * len(labels):
        size = len(values) if isinstance(values, list) else repr(values)
        raise InputError(
            f"{where}: keypoints must be {3 * len(labels)} numbers (x, y, v each of {len(labels)}), not {size}."
        )
    points: dict[str, TablePoint] = {}
    untaken = 0
    for k, label in enumerate(labels):
        x, y, flag = values[3 * k : 3 * k + 3]
        _check_point(f"{where}, keypoint {label!r}", x, y, flag)
        stray = flag == 0 and (x != 0 or y != 0)
        untaken += stray and not take_v0
        points[label] = _point(x, y, 2 if stray and take_v0 else flag, offset)
    return points, untaken


def _check_point(where: str, x: Any, y: Any, flag: Any) -> None:
    if isinstance(flag, bool) or flag not in (0, 1, 2):
        raise InputError(f"{where}: the visibility must be 0, 1 or 2, not {flag!r}.")
    numbers = [v for v in (x, y) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) != 2 or not all(abs(v) < 1e9 for v in numbers):
        raise InputError(f"{where}: the coordinates must be finite numbers, not {[x, y]!r:.80}.")


def _point(x: float, y: float, flag: float, offset: float) -> TablePoint:
    if flag == 0:
        return TablePoint(math.nan, math.nan, Status.UNDEFINED)
    if flag == 1 and x == 0 and y == 0:
        return TablePoint(math.nan, math.nan, Status.MISSING)
    return TablePoint(float(x) - offset, float(y) - offset)
