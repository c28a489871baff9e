"""3D Slicer point lists, ``.mrk.json`` and ``.fcsv``: one file per image, named after it, as SlicerMorph keeps them.

The positions are LPS or RAS millimetres in the place that the image's header states: the frame of the image gives the
pixels, so there is no origin to choose. A point keeps its status, defined, missing or undefined, and its description:
what a person wrote, and the confidence of a network (see :mod:`monai_ext.landmarks.markups`). The name of an image is
the file's without extension: an ID. SlicerMorph's numbers (``1`` to ``55``) are names like others.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from monai_ext.landmarks import Landmarks, Markups, PointsTable, Status, describe_confidence, markups_document

from .files import csv_text, files_of, named_files, write_files
from .format import Format, FrameOf, Sample

_JSON, _FCSV = ".mrk.json", ".fcsv"
#: The status column of Slicer 5.
_FCSV_STATUS = {Status.UNDEFINED: 0, Status.DEFINED: 2, Status.MISSING: 3}
_FCSV_HEADER = (
    "# Markups fiducial file version = 5.8\n"
    "# CoordinateSystem = LPS\n"
    "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
)


def recognises_json(sample: Sample) -> bool:
    """A JSON object with the list ``markups``, or a folder with such files."""
    return any(
        isinstance(item.document, dict) and isinstance(item.document.get("markups"), list)
        for item in sample.inside(_JSON)
    )


def recognises_fcsv(sample: Sample) -> bool:
    """A text that opens as Slicer's fiducial files do, or a folder with such files."""
    return any((item.text or "").startswith("# Markups fiducial file") for item in sample.inside(_FCSV))


def read(path: Path, names: Sequence[str] | None, frames: FrameOf, *, extension: str) -> PointsTable:
    """Reads one file, or all files of a folder with the extension; each image's frame is asked of ``frames``.

    Raises:
        InputError: a file is malformed, has an unknown label, or points that lie off its image's plane.

    Warns:
        UserWarning: a folder holds images' points in the other kind of file only.
    """
    found: dict[str, Landmarks] = {}
    descriptions: dict[str, dict[str, str]] = {}
    for file in files_of(path, extension):
        image = _image(file, extension)
        markups = Markups.read(file)
        found[image], descriptions[image] = markups.landmarks(frames(image), names), markups.descriptions
    other = _FCSV if extension == _JSON else _JSON
    left = [item.path for item in Sample(path).inside(other) if path.is_dir() and _image(item.path, other) not in found]
    if left:
        name = (FCSV_FORMAT if other == _FCSV else FORMAT).name
        warnings.warn(
            f"{path}: {len(left)} files that end in {other} are left out, as {left[0].name}: import them too, with "
            f"--format {name}.",
            stacklevel=2,
        )
    return PointsTable.from_landmarks(found, descriptions=descriptions)


def _image(file: Path, extension: str) -> str:
    return file.name[: -len(extension)] if file.name.lower().endswith(extension) else file.stem


def write(path: Path, table: PointsTable, frames: FrameOf, *, extension: str) -> None:
    """Writes a folder with one file per image; the frame of every image is asked of ``frames``."""
    text = _json_text if extension == _JSON else _fcsv_text
    files = named_files(table.images, extension)
    texts = {}
    for file, image in files.items():
        words = {name: point.description for name, point in table.images[image].points.items()}
        texts[file] = text(table.landmarks(image, frames(image)), words)
    write_files(path, texts)


def _json_text(landmarks: Landmarks, descriptions: Mapping[str, str]) -> str:
    return json.dumps(markups_document(landmarks, descriptions=descriptions), indent=2, allow_nan=False) + "\n"


def _fcsv_text(landmarks: Landmarks, descriptions: Mapping[str, str]) -> str:
    rows = []
    positions = np.where(landmarks.defined[:, None], landmarks.lps, 0.0).tolist()
    for index, (name, position) in enumerate(zip(landmarks.names, positions, strict=True)):
        status = Status(int(landmarks.status[index]))
        words = " ".join(descriptions.get(name, "").split())  # a point is one line
        description = describe_confidence(float(landmarks.confidence[index]), words)
        tail = [0, 0, 0, 1, 1, 1, 0, name, description, "", _FCSV_STATUS[status], 0]
        rows.append([index + 1, *(repr(value + 0.0) for value in position), *tail])
    return _FCSV_HEADER + csv_text(rows)


def _format(name: str, title: str, extension: str, recognises: Callable[[Sample], bool]) -> Format:
    return Format(
        name=name,
        title=title,
        extension=extension,
        folder=True,
        recognises=recognises,
        read=partial(read, extension=extension),
        write=partial(write, extension=extension),
        centre=None,
        holds=frozenset({"names", "missing", "undefined", "images without points", "confidences", "descriptions"}),
    )


FORMAT = _format("mrk", "3D Slicer markups (a folder of .mrk.json)", _JSON, recognises_json)
FCSV_FORMAT = _format("fcsv", "3D Slicer fiducials (a folder of .fcsv)", _FCSV, recognises_fcsv)
