"""Label Studio: JSON of tasks whose regions are KeyPointLabels; the full export and JSON-MIN.

Origin: the outer corner of the top-left pixel. A key point's x and y are percent of ``original_width`` and
``original_height`` (Label Studio's documentation, "Image annotation units"), so that 0 and 100 are the edges of the
image and the centre of the top-left pixel is at half a pixel. It shows the upright picture of an image with an EXIF
orientation.

An uploaded image is named ``/data/upload/PROJECT/HASH-NAME``: NAME is its name here. Of local files and storage
addresses, the path behind ``?d=`` or the last part of the address.
"""

from __future__ import annotations

import re
import urllib.parse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monai_ext.landmarks import InputError, PointsTable, Status, read_json, write_json_atomically

from .format import Format, FrameOf, Sample
from .gather import Gatherer, number, pixel_size

_CENTRE = 0.5
_UPLOAD_HASH = re.compile(r"^[0-9a-f]{8}-")
_POINT_WIDTH = 0.5  #: diameter in percent that Label Studio draws a point with


def recognises(sample: Sample) -> bool:
    """A JSON list of tasks: with ``data`` and ``annotations``, or (JSON-MIN) with lists of ``keypointlabels``."""
    tasks = sample.document
    if not isinstance(tasks, list) or not tasks or not all(isinstance(task, dict) for task in tasks):
        return False
    return all("data" in task and "annotations" in task for task in tasks) or any(
        "keypointlabels" in region for task in tasks for region in _min_regions(task)
    )


def read(path: Path, names: Sequence[str] | None, frames: FrameOf) -> PointsTable:
    """Reads the key points of an export. Other regions, skipped tasks and predictions are skipped with a warning.

    Raises:
        InputError: a task is malformed or was annotated more than once, a point has not exactly one label, or an image
            was turned in Label Studio.
    """
    gathered = Gatherer(path, names)
    other = 0
    tasks = read_json(path)
    if not isinstance(tasks, list):
        raise InputError(f"{path} is not an export of Label Studio: it is not a list of tasks.")
    for index, task in enumerate(tasks, 1):
        if not isinstance(task, dict):
            raise InputError(f"{path}: task {index} must be an object, not {task!r:.80}.")
        where = f"{path}, task {task.get('id', index)!r}"
        image = _image_name(task, where)
        regions = list(_regions(task, where))
        points = [region for region in regions if "keypointlabels" in region]
        other += len(regions) - len(points)
        sizes = {pixel_size(r.get("original_width"), r.get("original_height"), where) for r in points}
        if len(sizes) > 1:
            raise InputError(f"{where}: the points state several sizes of the image: {sorted(sizes)}.")
        gathered.image(image, next(iter(sizes), None), where)
        for region in points:
            labels = region["keypointlabels"]
            if not (isinstance(labels, list) and len(labels) == 1 and isinstance(labels[0], str)):
                raise InputError(f"{where}: a point needs one label, not {labels!r:.80}.")
            if region.get("image_rotation"):
                raise InputError(f"{where}: the image was turned by {region['image_rotation']} degrees; turn it back.")
            size = pixel_size(region["original_width"], region["original_height"], where)
            percent = (number(region.get(axis), f"{where}: {axis} of {labels[0]!r}") for axis in "xy")
            xy = [value / 100 * length - _CENTRE for value, length in zip(percent, size, strict=True)]
            gathered.point(where, image, labels[0], xy)
    if other:
        warnings.warn(f"{path}: {other} regions that are not key points are left out.", stacklevel=2)
    return gathered.table()


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes a list of tasks with one annotation each, as Label Studio imports it, with the table's image names."""
    tasks = []
    for image, entry in table.images.items():
        size = entry.size or frames(image).size
        results: list[dict[str, Any]] = []
        for name, point in entry.points.items():
            if point.status is not Status.DEFINED:
                continue
            x, y = ((v + _CENTRE) / n * 100 for v, n in zip((point.x, point.y), size, strict=True))
            results.append(
                {
                    "id": f"point{len(results) + 1}",
                    "type": "keypointlabels",
                    "from_name": "landmarks",
                    "to_name": "image",
                    "original_width": size[0],
                    "original_height": size[1],
                    "image_rotation": 0,
                    "value": {"x": x, "y": y, "width": _POINT_WIDTH, "keypointlabels": [name]},
                }
            )
        tasks.append({"data": {"image": image}, "annotations": [{"result": results}]})
    write_json_atomically(path, tasks)


def _regions(task: dict[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """The regions of a task, each with its value and the size of its image in one level."""
    if "annotations" not in task:
        yield from _min_regions(task)
        return
    annotations = task["annotations"]
    if not isinstance(annotations, list) or not all(isinstance(item, dict) for item in annotations):
        raise InputError(f"{where}: annotations must be a list, not {annotations!r:.80}.")
    finished = [item for item in annotations if not item.get("was_cancelled")]
    if len(finished) > 1:
        raise InputError(f"{where}: there are {len(finished)} annotations of one image; keep one.")
    for item in finished:
        results = item.get("result") or []
        if not isinstance(results, list):
            raise InputError(f"{where}: the result of an annotation must be a list, not {results!r:.80}.")
        for region in results:
            value = region.get("value") if isinstance(region, dict) else None
            if not isinstance(value, dict):
                raise InputError(f"{where}: a result has no value: {region!r:.80}.")
            yield {**region, **value}


def _min_regions(task: dict[str, Any]) -> list[dict[str, Any]]:
    lists = [value for value in task.values() if isinstance(value, list)]
    return [region for value in lists for region in value if isinstance(region, dict)]


def _image_name(task: dict[str, Any], where: str) -> str:
    data = task.get("data", task)
    texts = {key: value for key, value in data.items() if isinstance(value, str)} if isinstance(data, dict) else {}
    address = texts.get("image") or texts.get("img") or (next(iter(texts.values())) if len(texts) == 1 else "")
    if not address:
        raise InputError(f"{where}: the data contain no image under 'image': {data!r:.120}.")
    parts = urllib.parse.urlsplit(address)
    local = urllib.parse.parse_qs(parts.query).get("d")
    if local:
        return local[0]
    if not parts.scheme and not parts.path.startswith("/data/"):
        return address
    name = urllib.parse.unquote(parts.path).rsplit("/", 1)[-1]
    return _UPLOAD_HASH.sub("", name) if "/upload/" in parts.path else name


FORMAT = Format(
    name="label-studio",
    title="Label Studio (JSON of tasks)",
    extension=".json",
    recognises=recognises,
    read=read,
    write=write,
    centre=_CENTRE,
    holds=frozenset({"names", "undefined", "images without points"}),
    upright=True,
)
