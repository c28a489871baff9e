"""COCO keypoints (JSON).

COCO writes a keypoint as (x, y, v). Its coordinates are pixel INDICES: (0, 0) is the centre of the top-left pixel, as
everywhere in this project (its boxes and masks, in contrast, measure from the pixel's corner). Tools that treat
keypoints like boxes put that centre at (0.5, 0.5): read their files with the pixel origin ``corner``.

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

from monai_ext.landmarks import (
    ImagePoints,
    InputError,
    PointsTable,
    Status,
    TablePoint,
    read_json,
    write_json_atomically,
)

from .format import Format, FrameOf, Sample

_MISSING = [0.0, 0.0, 1]
_UNDEFINED = [0.0, 0.0, 0]


def recognises(sample: Sample) -> bool:
    """A JSON object with the lists images and annotations."""
    document = sample.document
    return isinstance(document, dict) and all(isinstance(document.get(key), list) for key in ("images", "annotations"))


def read(
    path: Path,
    names: Sequence[str] | None,
    frames: FrameOf,
    *,
    category: str | None = None,
    take_v0: bool = False,
) -> PointsTable:
    """Reads the table of one category.

    Args:
        path: the JSON file with ``images``, ``annotations`` and ``categories``.
        names: the landmarks to expect; None allows any. For a category without names, as in the COCO files of 300W and
            WFLW, the names of its keypoints in order.
        frames: is not asked: the file states the sizes.
        category: the name of the category to read; None takes the only one that has keypoints.
        take_v0: take points with v = 0 that have coordinates other than (0, 0) as defined.

    Returns:
        A table whose images are the file names, with their sizes; COCO knows no splits. An image without an annotation
        is skipped with a warning. Of several annotations of an image the one that has a keypoint counts, boxes beside
        it do not.

    Raises:
        InputError: the file is malformed, the category is ambiguous or unknown, a landmark is unknown, or an image has
            several annotations; names the file and the entry.
    """
    document = read_json(path)
    images = _index(path, document, "images")
    annotations = _index(path, document, "annotations")
    chosen = _choose_category(path, _index(path, document, "categories"), category, annotations)
    labels = _keypoint_names(path, chosen, names)
    found: dict[Any, dict[Any, dict[str, TablePoint]]] = {}
    boxes = hidden = 0
    for number, annotation in annotations.items():
        where = f"{path}, annotation {number!r}"
        if annotation.get("category_id") != chosen["id"]:
            continue
        image = images.get(_hashable(annotation.get("image_id")))
        if image is None:
            raise InputError(f"{where}: there is no image with the id {annotation.get('image_id')!r}.")
        if annotation.get("keypoints", []) == []:
            boxes += 1
            continue
        points, untaken = _points(where, annotation.get("keypoints"), labels, take_v0)
        hidden += untaken
        found.setdefault(image["id"], {})[number] = points
    table = PointsTable(tuple(labels))
    for identifier, candidates in found.items():
        file_name, size = _image_file(path, images[identifier])
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
            f"{path}: {hidden} keypoints have coordinates but the visibility 0 (not annotated) and stay undefined; "
            "use --take-v0 to import them.",
            stacklevel=3,
        )


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes one category, "landmarks"; COCO has no place for the split.

    Raises:
        InputError: an image has no declared size.
    """
    images, annotations = [], []
    for number, (image, entry) in enumerate(table.images.items(), start=1):
        if entry.size is None:
            raise InputError(f"COCO needs the width and height of {image!r}; add them to the table.")
        images.append({"id": number, "file_name": image, "width": entry.size[0], "height": entry.size[1]})
        points = [entry.points.get(name) for name in table.names]
        box = _box([point for point in points if point is not None and point.status is Status.DEFINED])
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "keypoints": [value for point in points for value in _triple(point)],
                "num_keypoints": sum(point is not None and point.status >= 0 for point in points),
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
            }
        )
    categories = [{"id": 1, "name": "landmarks", "keypoints": list(table.names), "skeleton": []}]
    write_json_atomically(path, {"images": images, "annotations": annotations, "categories": categories})


def _triple(point: TablePoint | None) -> list[float]:
    if point is None or point.status is Status.UNDEFINED:
        return _UNDEFINED
    return _MISSING if point.status is Status.MISSING else [point.x, point.y, 2]


def _box(points: list[TablePoint]) -> list[float]:
    """COCO's (left, top, width, height) around the points; zeros without any."""
    if not points:
        return [0.0, 0.0, 0.0, 0.0]
    left, top = min(point.x for point in points), min(point.y for point in points)
    width, height = max(point.x for point in points) - left, max(point.y for point in points) - top
    return [left, top, width, height]


def _points(where: str, values: Any, labels: list[str], take_v0: bool) -> tuple[dict[str, TablePoint], int]:
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
        points[label] = _point(x, y, 2 if stray and take_v0 else flag)
    return points, untaken


def _check_point(where: str, x: Any, y: Any, flag: Any) -> None:
    if isinstance(flag, bool) or flag not in (0, 1, 2):
        raise InputError(f"{where}: the visibility must be 0, 1 or 2, not {flag!r}.")
    numbers = [v for v in (x, y) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) != 2 or not all(abs(v) < 1e9 for v in numbers):
        raise InputError(f"{where}: the coordinates must be finite numbers, not {[x, y]!r:.80}.")


def _point(x: float, y: float, flag: float) -> TablePoint:
    if flag == 0:
        return TablePoint(math.nan, math.nan, Status.UNDEFINED)
    if flag == 1 and x == 0 and y == 0:
        return TablePoint(math.nan, math.nan, Status.MISSING)
    return TablePoint(float(x), float(y))


def _index(path: str | Path, document: Any, key: str) -> dict[Any, dict[str, Any]]:
    """The entries of one of the document's lists by their id.

    Raises:
        InputError: there is no such list, or an entry has no id of its own.
    """
    entries = document.get(key) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InputError(f"{path} is not a COCO file: it has no list {key!r}.")
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
    """The identifier where it is a number or text, else None."""
    return identifier if isinstance(identifier, int | str) else None


def _choose_category(
    path: str | Path, categories: dict[Any, dict[str, Any]], name: str | None, annotations: dict[Any, dict[str, Any]]
) -> dict[str, Any]:
    """The only category, of that name if one is given, that names keypoints or has annotations with keypoints.

    Raises:
        InputError: there is none, or there are several.
    """
    nameless = {_hashable(item.get("category_id")) for item in annotations.values() if item.get("keypoints")}
    usable = [entry for entry in categories.values() if entry.get("keypoints") or entry["id"] in nameless]
    found = usable if name is None else [entry for entry in usable if entry.get("name") == name]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(repr(entry.get("name")) for entry in usable) or "none"
    if not found:
        wanted = "" if name is None else f" {name!r}"
        raise InputError(f"{path} has no category{wanted} with keypoints; those with keypoints: {shown}.")
    raise InputError(
        f"{path} has several categories with keypoints ({shown}); choose the one to read with --category NAME."
    )


def _keypoint_names(path: str | Path, category: dict[str, Any], names: Sequence[str] | None) -> list[str]:
    """The names of a category's keypoints; ``names`` where it has none.

    Raises:
        InputError: there are none, they are no list of different names, or one is not among ``names``.
    """
    labels = category.get("keypoints") or (None if names is None else list(names))
    if labels is None:
        raise InputError(
            f"{path}: the keypoints of the category {category.get('name')!r} have no names: list them in order, one "
            "per line, in a file: --names FILE."
        )
    if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
        raise InputError(f"{path}: the keypoints of a category must be a list of names, not {labels!r:.80}.")
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"{path}: the keypoint {label!r} occurs twice in its category; give each its own name.")
        if names is not None and label not in names:
            raise InputError(f"{path}: unknown landmark {label!r}; the landmarks are {', '.join(names)}.")
    return labels


def _image_file(path: str | Path, image: dict[str, Any]) -> tuple[str, tuple[int, int]]:
    """The file name of an image and its (width, height).

    Raises:
        InputError: one of them is malformed.
    """
    where = f"{path}, image {image['id']!r}"
    file_name = image.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise InputError(f"{where}: file_name must be text, not {file_name!r}.")
    for key in ("width", "height"):
        value = image.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{where}: {key} must be a whole number of pixels above 0, not {value!r}.")
    return file_name, (image["width"], image["height"])


FORMAT = Format(
    name="coco",
    title="COCO keypoints",
    extension=".json",
    recognises=recognises,
    read=read,
    write=write,
    centre=0.0,
    holds=frozenset({"names", "missing", "undefined", "images without points", "sizes"}),
    options=("category", "take_v0"),
)
