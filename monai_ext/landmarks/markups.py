"""Landmarks in 3D Slicer markups files: .mrk.json, and reading of the legacy .fcsv."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from .control_points import ControlPoint, describe_confidence, gather_landmarks, parse_fcsv
from .errors import InputError
from .files import parse_json, read_content, read_json, write_json_atomically
from .geometry import Frame, flip_lps_ras
from .label_frame import FIELD, check_frame, frame_field, stated_frame
from .points import Landmarks, Status

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)

# The numbers are what early versions wrote for the same two systems.
_SYSTEMS = {"LPS": "LPS", "1": "LPS", "RAS": "RAS", "0": "RAS"}

# Older modules of Slicer write their results as previews; where Slicer has not placed one yet, it has no position.
_STATUS = {
    "defined": Status.DEFINED,
    "preview": Status.DEFINED,
    "undefined": Status.UNDEFINED,
    "missing": Status.MISSING,
}

# Slicer's own orientation of a new point: the RAS axes, written in LPS.
_ORIENTATION = [-1.0, -0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 0.0, 1.0]


@dataclass(frozen=True)
class Markups:
    """A Slicer point list as it was parsed.

    Attributes:
        content: the bytes.
        where: names the list in messages.
        document: the JSON; empty for ``.fcsv``.
        points: the control points in LPS millimetres, in the order of the list.
        frame: of the image that the list was made on, where it states that.
    """

    content: bytes
    where: str
    document: dict[str, Any]
    points: tuple[ControlPoint, ...]
    frame: Frame | None = None

    @classmethod
    def read(cls, path: str | Path, where: str = "") -> Markups:
        """Reads a file; ``where`` names it in messages, by default its path.

        Raises:
            InputError: the file cannot be read, or as :func:`parse_markups`.
        """
        return parse_markups(read_content(path), where or str(path))

    def landmarks(self, frame: Frame, names: Sequence[str] | None = None) -> Landmarks:
        """The points as landmarks of an image.

        Args:
            frame: of the image as it is now.
            names: the landmarks to expect; the result has them in this order, those the list lacks as undefined. None
                takes the names and the order of the list.

        Returns:
            Pixel points; NaN where not defined. The confidence is what a point's description states, else NaN.

        Raises:
            InputError: a label is repeated or unknown, a point lies off the image plane, or the list was made on
                another frame of its image.
        """
        if self.frame is not None:
            check_frame(self.frame, frame, self.where)
        return gather_landmarks(self.points, frame, names, self.where)

    @property
    def descriptions(self) -> dict[str, str]:
        """What a person wrote of the points, by label; those of which nothing is written are left out."""
        return {point.label: point.words for point in self.points if point.words}

    def with_fields(self, fields: Mapping[str, Any]) -> Markups:
        """The same list with fields beside ``markups``; all else stays byte for byte where it had none of them.

        Args:
            fields: JSON by name; None takes a field away.
        """
        text, document = self.content.decode("utf-8-sig"), self.document
        if fields.keys() & document.keys():
            document = {name: value for name, value in document.items() if name not in fields}
            text = json.dumps(document, indent=2)
        elif all(value is None for value in fields.values()):
            return self
        for name, value in fields.items():
            if value is not None:
                start = text.index("{") + 1
                text = f'{text[:start]}"{name}": {json.dumps(value, allow_nan=False)}, {text[start:]}'
                document = {name: value, **document}
        return replace(self, content=text.encode(), document=document)

    def with_frame(self, frame: Frame) -> Markups:
        """The same list that states the frame of its image, where it stated none."""
        return self if self.frame is not None else replace(self.with_fields({FIELD: frame_field(frame)}), frame=frame)


def parse_markups(content: bytes, where: str) -> Markups:
    """Parses a Slicer point list: ``.mrk.json``, or ``.fcsv`` where its name ends so.

    Args:
        content: of the file. It must hold exactly one point list (type "Fiducial"), in LPS or RAS millimetres.
        where: names it in messages.

    Raises:
        InputError: the content is no such list, or a position is not three finite numbers; names the label or field.
    """
    if where.lower().endswith(".fcsv"):
        return Markups(content, where, {}, tuple(parse_fcsv(content, where)))
    document = parse_json(content, where)
    markup = _point_list(document, where)
    frame = stated_frame(document, where)
    flip = _coordinate_system(markup, where) == "RAS"
    points = (_read_point(point, index, flip, where) for index, point in enumerate(_points(markup)))
    return Markups(content, where, document, tuple(points), frame)


def read_markups(path: str | Path, frame: Frame, names: Sequence[str] | None = None) -> Landmarks:
    """Reads landmarks of an image from a Slicer point list (see :func:`parse_markups` and :meth:`Markups.landmarks`).

    Raises:
        InputError: the file is no such list, or does not fit the image or the names; names the file.
    """
    return Markups.read(path).landmarks(frame, names)


def read_stated_frame(path: str | Path) -> Frame | None:
    """The frame of the image that a ``.mrk.json`` file was made on; None if the file does not state it.

    Raises:
        InputError: the file is not JSON, or its field is malformed.
    """
    return stated_frame(read_json(path), path)


def mapped_document(path: str | Path, frame: Frame) -> dict[str, Any]:
    """The content of a ``.mrk.json`` file with its points at the same pixels in another placement of its image.

    All but the positions stays (see :func:`markups_document`).

    Args:
        path: a file that states the frame it was made on.
        frame: of the image as it is now.

    Raises:
        InputError: the file states no frame or that of an image of another size, or it cannot be read.
    """
    markups = Markups.read(path)
    if markups.frame is None:
        raise InputError(
            f"{path} does not contain the frame that it was made on, so it cannot be mapped to another frame."
        )
    if markups.frame.size != frame.size:
        check_frame(markups.frame, frame, path)
    landmarks = markups.landmarks(markups.frame).with_frame(frame)
    return _filled(copy.deepcopy(markups.document), landmarks, markups.where)


def write_markups(
    path: str | Path, landmarks: Landmarks, *, template: str | Path | None = None, color: str | None = None
) -> None:
    """Writes landmarks as a Slicer point list, atomically.

    Args:
        path: the ``.mrk.json`` file.
        landmarks: what to write; a landmark without a point keeps its place in the list with its status.
        template: an existing file whose other content is kept (see :func:`markups_document`); may be ``path`` itself.
        color: ``#rrggbb`` of the list in Slicer (a list has one colour); None leaves it to Slicer or the template.

    Raises:
        InputError: the path does not end in .mrk.json; the template cannot be used.
        OSError: the file cannot be written; an old one is then untouched.
    """
    if not str(path).lower().endswith(".mrk.json"):
        raise InputError(f"The name of a markups file must end in .mrk.json, unlike {path}; rename it.")
    write_json_atomically(path, markups_document(landmarks, template=template, color=color))


def markups_document(
    landmarks: Landmarks,
    *,
    template: str | Path | None = None,
    color: str | None = None,
    descriptions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The content of a Slicer markups file with one point list.

    The points come in the order of the landmarks, labelled with their names, in LPS millimetres of the placement
    frame, which the document states (see :mod:`.label_frame`). A known confidence is stated in the description
    ("confidence 0.930"), which Slicer shows and keeps. A landmark without a point has its status "missing" or
    "undefined", and a position that means nothing: its likeliest place where one is known, else [0, 0, 0], as the
    schema wants three numbers.

    Args:
        landmarks: what to write.
        template: an existing .mrk.json file. Everything in it stays (display, measurements, other lists, unknown
            fields, IDs, a person's words in descriptions, its coordinate system) but positions, status and
            confidence of the points, matched by label.
        color: ``#rrggbb`` of the list.
        descriptions: what a person wrote of points that the template does not have, by name.

    Raises:
        InputError: the template cannot be read, or has a label that is no landmark; the colour is malformed.
    """
    if template is None:
        document: dict[str, Any] = {"@schema": SCHEMA, FIELD: None, "markups": [_new_list()]}
    else:
        document = read_json(template)
    return _filled(document, landmarks, str(template), color, descriptions)


def _filled(
    document: Any,
    landmarks: Landmarks,
    where: str,
    color: str | None = None,
    descriptions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A document that the landmarks were put into."""
    markup = _point_list(document, where)
    document[FIELD] = frame_field(landmarks.frame)
    system = _coordinate_system(markup, where)
    previous = _by_label(_points(markup), landmarks.names, where)
    positions = np.where(np.isfinite(landmarks.points).all(axis=1)[:, None], landmarks.lps, 0.0)
    if system == "RAS":
        positions = flip_lps_ras(positions)
    ids, words = _fresh_ids(previous), descriptions or {}
    markup["controlPoints"] = [
        _write_point(
            previous.get(name) or _new_point(name, next(ids), words.get(name, "")),
            position,
            Status(int(status)),
            confidence,
        )
        for name, position, status, confidence in zip(
            landmarks.names, positions.tolist(), landmarks.status, landmarks.confidence.tolist(), strict=True
        )
    ]
    if color is not None:
        display = markup.get("display")
        markup["display"] = (display if isinstance(display, dict) else {}) | _display_colors(color)
    return cast(dict[str, Any], document)


def _display_colors(color: str) -> dict[str, list[float]]:
    """Slicer draws selected points, as all are at first, in a colour of their own."""
    if not re.fullmatch("#[0-9A-Fa-f]{6}", color):
        raise InputError(f"A colour must have the form '#rrggbb', not {color!r}.")
    rgb = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return {"color": rgb, "selectedColor": rgb}


def _new_list() -> dict[str, Any]:
    return {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        # The list is the protocol's: a point can be unset in Slicer, but none added, removed or renumbered.
        "fixedNumberOfControlPoints": True,
        "labelFormat": "%N-%d",
        "controlPoints": [],
    }


def _new_point(name: str, identifier: str, description: str) -> dict[str, Any]:
    return {
        "id": identifier,
        "label": name,
        "description": description,
        "associatedNodeID": "",
        "position": [0.0, 0.0, 0.0],
        "orientation": list(_ORIENTATION),
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": "undefined",
    }


def _write_point(point: dict[str, Any], position: list[float], status: Status, confidence: float) -> dict[str, Any]:
    previous = point.get("description", "")
    description = describe_confidence(confidence, previous if isinstance(previous, str) else "")
    # Adding zero turns -0.0 into 0.0.
    return point | {
        "description": description,
        "position": [value + 0.0 for value in position],
        "positionStatus": status.word,
    }


def _fresh_ids(previous: dict[str, dict[str, Any]]) -> Any:
    """Numbers as text, from 1, that no point has as its ID yet."""
    taken = {str(point.get("id")) for point in previous.values()}
    return (str(i) for i in range(1, 2**31) if str(i) not in taken)


def _by_label(points: list[Any], names: Sequence[str], where: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for index, point in enumerate(points):
        label = _label(point, index, where)
        if label in found:
            raise InputError(f"{where} has the label {label!r} more than once; keep one point per landmark.")
        if label not in names:
            raise InputError(f"{where} has the unknown label {label!r}; the landmarks are {', '.join(names)}.")
        found[label] = point
    return found


def _point_list(document: Any, where: str) -> dict[str, Any]:
    """The one point list of a document, with its units and its controlPoints checked to be usable."""
    markups = document.get("markups") if isinstance(document, dict) else None
    if not isinstance(markups, list) or not all(isinstance(markup, dict) for markup in markups):
        raise InputError(f"{where} is not a Slicer markups file: it has no list 'markups'; save the points in Slicer.")
    lists: list[dict[str, Any]] = [markup for markup in markups if markup.get("type") == "Fiducial"]
    if len(lists) != 1:
        types = ", ".join(repr(markup.get("type")) for markup in markups) or "nothing"
        raise InputError(
            f"{where} must hold one markup of the type 'Fiducial', not {types}; save one point list alone."
        )
    markup = lists[0]
    units = markup.get("coordinateUnits", "mm")
    # A unit is a word, or DICOM's (code, scheme, meaning).
    if (units[0] if isinstance(units, list) and units else units) != "mm":
        raise InputError(f"{where} has the coordinateUnits {units!r}; save the points in 'mm'.")
    if not isinstance(_points(markup), list):
        raise InputError(f"{where}: controlPoints must be a list, not {markup['controlPoints']!r:.80}.")
    return markup


def _points(markup: dict[str, Any]) -> Any:
    return markup.get("controlPoints", [])


def _coordinate_system(markup: dict[str, Any], where: str) -> str:
    """LPS or RAS; LPS where the file is silent, as the schema says and as Slicer reads it."""
    stated = markup.get("coordinateSystem", "LPS")
    if str(stated) not in _SYSTEMS:
        raise InputError(f"{where} has the coordinateSystem {stated!r}; use 'LPS' or 'RAS'.")
    return _SYSTEMS[str(stated)]


def _label(point: Any, index: int, where: str) -> str:
    label = point.get("label") if isinstance(point, dict) else None
    if not isinstance(label, str):
        raise InputError(f"{where}: control point {index + 1} has no text as its label: {point!r:.120}.")
    return label


def _read_point(point: Any, index: int, flip: bool, where: str) -> ControlPoint:
    label = _label(point, index, where)
    word = point.get("positionStatus", "defined")
    if not isinstance(word, str) or word not in _STATUS:
        raise InputError(f"{where}: {label!r} has the positionStatus {word!r}; use {', '.join(_STATUS)}.")
    description = point.get("description")
    description = description if isinstance(description, str) else ""
    if _STATUS[word] is not Status.DEFINED:
        return ControlPoint(label, _STATUS[word], description=description)
    position = point.get("position")
    if not isinstance(position, list) or len(position) != 3 or not all(_is_finite(value) for value in position):
        if word == "preview":
            return ControlPoint(label, Status.UNDEFINED, description=description)
        raise InputError(f"{where}: {label!r} has the position {position!r:.120}; it must be three finite numbers.")
    x, y, z = (flip_lps_ras(position) if flip else np.array(position, dtype=np.float64)).tolist()
    return ControlPoint(label, _STATUS[word], (x, y, z), description)


def _is_finite(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond the range of floating point
        return False
