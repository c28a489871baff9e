"""CVAT for images 1.1 (XML): shapes of the type points, alone or as elements of a skeleton.

Origin: the outer corner of the top-left pixel, whose centre is (0.5, 0.5): CVAT's canvas draws the image from (0, 0) to
(width, height), and its coordinates reach from one to the other (cvat issue 9973: the bottom-right corner of a
1920 x 1080 image is (1920, 1080)). It shows the upright picture of an image with an EXIF orientation. The same numbers
stand in the COCO files that CVAT exports: read those with the pixel origin ``corner``.

A skeleton's element that is ``outside`` is not in the image: missing. An ``occluded`` point has a place: defined.
Points that are drawn as one shape have one label: they are named LABEL_1, LABEL_2, ... in their order.
"""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

from monai_ext.landmarks import InputError, PointsTable, Status, write_atomically

from .files import read_text
from .format import Format, FrameOf, Sample
from .gather import Gatherer, pixel_size

_CENTRE = 0.5
_NO_SHAPES = frozenset({"tag", "attribute"})


def recognises(sample: Sample) -> bool:
    """XML whose outermost element is ``annotations``."""
    text = (sample.text or "").lstrip()
    return text.startswith("<") and "<annotations>" in text[:1000]


def read(path: Path, names: Sequence[str] | None, frames: FrameOf) -> PointsTable:
    """Reads the points of each image; other shapes are skipped with a warning.

    Raises:
        InputError: not CVAT's XML for images, or an element is malformed.
    """
    gathered = Gatherer(path, names, _CENTRE)
    other = 0
    root = _root(path)
    if root.find("track") is not None:
        raise InputError(f"{path} holds tracks of a video: export it as 'CVAT for images 1.1'.")
    for image in root.iter("image"):
        name = image.get("name", "")
        where = f"{path}, image {name!r}"
        gathered.image(name, pixel_size(image.get("width"), image.get("height"), where), where)
        for shape in image:
            if shape.tag == "skeleton":
                for element in shape.iter("points"):
                    _add(gathered, where, name, element)
            elif shape.tag == "points":
                _add(gathered, where, name, shape)
            else:
                other += shape.tag not in _NO_SHAPES
    if other:
        warnings.warn(f"{path}: {other} shapes that are not points are left out.", stacklevel=2)
    return gathered.table()


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes one shape of the type points per landmark, with its name as the label."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(task, "size").text = str(len(table.images))
    labels = ElementTree.SubElement(task, "labels")
    for name in table.names:
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
        ElementTree.SubElement(label, "type").text = "points"
        ElementTree.SubElement(label, "attributes")
    for number, (image, entry) in enumerate(table.images.items()):
        width, height = entry.size or frames(image).size
        stated = {"id": str(number), "name": image, "width": str(width), "height": str(height)}
        element = ElementTree.SubElement(root, "image", stated)
        for name, point in entry.points.items():
            if point.status is Status.DEFINED:
                xy = f"{point.x + _CENTRE!r},{point.y + _CENTRE!r}"
                shape = {"label": name, "source": "manual", "occluded": "0", "points": xy, "z_order": "0"}
                ElementTree.SubElement(element, "points", shape)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    write_atomically(path, f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')


def _root(path: Path) -> ElementTree.Element:
    text = read_text(path)
    if "<!DOCTYPE" in text:  # CVAT writes none; its entities could name other files or grow without bound
        raise InputError(f"{path} has a DOCTYPE, which CVAT never writes: remove it.")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"{path} is not valid XML ({error}).") from None
    if root.tag != "annotations":
        raise InputError(f"{path} is not a CVAT file: its outermost element is {root.tag!r}, not 'annotations'.")
    return root


def _add(gathered: Gatherer, where: str, image: str, element: ElementTree.Element) -> None:
    label = element.get("label", "")
    status = Status.MISSING if element.get("outside") == "1" else Status.DEFINED
    for name, xy in _named(label, element.get("points", ""), where):
        gathered.point(where, image, name, xy, status)


def _named(label: str, text: str, where: str) -> Iterator[tuple[str, list[str]]]:
    pairs = [pair.split(",") for pair in text.split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise InputError(f"{where}: the points of {label!r} must be 'x,y;x,y', not {text!r:.80}.")
    for number, xy in enumerate(pairs, 1):
        yield (label if len(pairs) == 1 else f"{label}_{number}"), xy


FORMAT = Format(
    name="cvat",
    title="CVAT for images (XML)",
    extension=".xml",
    recognises=recognises,
    read=read,
    write=write,
    centre=_CENTRE,
    holds=frozenset({"names", "undefined", "images without points", "sizes"}),
    upright=True,
)
