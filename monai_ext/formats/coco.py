"""COCO keypoints (JSON).

(0, 0) is the centre of the top-left pixel; :mod:`monai_ext.landmarks.coco` states the source and reads and writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_ext.landmarks.coco import read_coco_keypoints, write_coco_keypoints
from monai_ext.landmarks.tables import PointsTable

from .format import Format, FrameOf
from .sample import Sample


def recognises(sample: Sample) -> bool:
    """A JSON object with the lists images and annotations."""
    document = sample.document
    return isinstance(document, dict) and all(isinstance(document.get(key), list) for key in ("images", "annotations"))


def read(path: Path, names: Sequence[str] | None, frames: FrameOf, **options: Any) -> PointsTable:
    """The table of one category of a COCO file."""
    return read_coco_keypoints(path, names, **options)


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes the COCO file."""
    write_coco_keypoints(path, table)


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
