"""labelme: one JSON file per image, with the labels as shapes of the type ``point``.

Origin: the outer corner of the top-left pixel, whose centre is (0.5, 0.5). Source: labelme's canvas draws the image
from (0, 0) to (width, height) and stores the mouse position divided by the zoom (``labelme/widgets/canvas.py``,
``_transform_point_widget_to_image``, version 6.3). It shows the upright picture of an image with an EXIF orientation.

``imagePath`` is relative to the JSON file, while tables name images relative to the folder of images: of a path that
leads out of its folder (``../images/a.png``) only the file name counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_ext.landmarks import ImagePoints, InputError, PointsTable, Status, read_json

from .files import files_of, named_files, write_json_files
from .format import Format, FrameOf, Sample
from .gather import Gatherer, pixel_size, posix_path

_CENTRE = 0.5
_VERSION = "5.5.0"  #: the version whose keys are written; all later ones read them


def recognises(sample: Sample) -> bool:
    """A JSON object with ``shapes`` and ``imagePath``, or a folder with such a file."""
    return any(
        isinstance(item.document, dict) and {"shapes", "imagePath"} <= item.document.keys()
        for item in sample.inside(".json")
    )


def read(path: Path, names: Sequence[str] | None, frames: FrameOf) -> PointsTable:
    """Reads one JSON file, or all JSON files of a folder. Shapes that are not points are skipped with a warning.

    Raises:
        InputError: a file of the folder is not a labelme file, or a shape is malformed.
    """
    gathered = Gatherer(path, names, _CENTRE)
    other = 0
    for file in files_of(path, ".json"):
        document = read_json(file)
        shapes = document.get("shapes") if isinstance(document, dict) else None
        if not isinstance(shapes, list):
            raise InputError(f"{file} is not a labelme file: it has no list 'shapes'; move it out of the folder.")
        image = _image(file, document)
        gathered.image(image, _size(file, document), str(file))
        for index, shape in enumerate(shapes, 1):
            where = f"{file}, shape {index}"
            if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
                raise InputError(f"{where}: a shape needs a text as its label: {shape!r:.80}.")
            if shape.get("shape_type") != "point":
                other += 1
                continue
            points = shape.get("points")
            if not (isinstance(points, list) and len(points) == 1 and _is_pair(points[0])):
                raise InputError(f"{where}: the points must be [[x, y]], not {points!r:.80}.")
            words = shape.get("description")
            gathered.point(where, image, shape["label"], points[0], description=words if isinstance(words, str) else "")
    if other:
        warnings.warn(f"{path}: {other} shapes that are not points are left out.", stacklevel=2)
    return gathered.table()


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes a folder with one JSON file per image, named after it."""
    files = named_files(table.images, ".json")
    write_json_files(path, {file: _document(image, table.images[image], frames) for file, image in files.items()})


def _document(image: str, entry: ImagePoints, frames: FrameOf) -> dict[str, Any]:
    width, height = entry.size or frames(image).size
    shapes: list[dict[str, Any]] = [
        {
            "label": name,
            "points": [[point.x + _CENTRE, point.y + _CENTRE]],
            "group_id": None,
            "description": point.description,
            "shape_type": "point",
            "flags": {},
            "mask": None,
        }
        for name, point in entry.points.items()
        if point.status is Status.DEFINED
    ]
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": image,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def _image(file: Path, document: dict[str, Any]) -> str:
    stated = document.get("imagePath")
    if not isinstance(stated, str) or not stated:
        raise InputError(f"{file}: imagePath must be the name of an image, not {stated!r:.80}.")
    image = posix_path(stated)
    return image.rsplit("/", 1)[-1] if ".." in image.split("/") else image


def _size(file: Path, document: dict[str, Any]) -> tuple[int, int] | None:
    width, height = document.get("imageWidth"), document.get("imageHeight")
    return None if width is None and height is None else pixel_size(width, height, str(file))


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


FORMAT = Format(
    name="labelme",
    title="labelme (a folder with one JSON per image)",
    extension=".json",
    folder=True,
    recognises=recognises,
    read=read,
    write=write,
    centre=_CENTRE,
    holds=frozenset({"names", "undefined", "images without points", "sizes", "descriptions"}),
    upright=True,
)
