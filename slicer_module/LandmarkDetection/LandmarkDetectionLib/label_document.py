"""Labels as Slicer markups files (.mrk.json): written for the server, read when a labelled image is opened again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from .errors import BadAnswer, WrongDefinition
from .json_fields import Position, as_list, as_object, as_position, as_text
from .point_state import PREDICTED, PointState
from .prediction import DEFINED, MISSING, UNDEFINED
from .task_definition import TaskDefinition

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
# Slicer's own orientation of a new point: the RAS axes, written in LPS.
_ORIENTATION = [-1.0, -0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 0.0, 1.0]
# A preview is where Slicer shows a point that the mouse has not placed yet.
_WORDS = {"defined": DEFINED, "missing": MISSING, "undefined": UNDEFINED, "preview": UNDEFINED}
_CONFIDENCE = re.compile(r"(?:^|; )confidence (0(?:\.\d+)?|1(?:\.0+)?)$")


class LabelPoint(NamedTuple):
    """One control point of a label.

    Attributes:
        word: ``defined``, ``missing`` or ``undefined``.
        position: LPS millimetres; None unless defined.
        confidence: as its description states it; None where it states none.
    """

    name: str
    word: str
    position: Position | None = None
    confidence: float | None = None


def label_document(points: Sequence[PointState]) -> dict[str, Any]:
    """The content of a markups file: every landmark in the given order, in LPS, with its positionStatus.

    A landmark without a point has the position [0, 0, 0], which means nothing, as the format wants three numbers.
    The confidence stands in the description of a point that nobody touched; a person's point has none.
    """
    return {
        "@schema": SCHEMA,
        "markups": [
            {
                "type": "Fiducial",
                "coordinateSystem": "LPS",
                "coordinateUnits": "mm",
                "locked": False,
                "fixedNumberOfControlPoints": True,
                "labelFormat": "%N-%d",
                "controlPoints": [_control_point(number, point) for number, point in enumerate(points, start=1)],
            }
        ],
    }


def label_bytes(points: Sequence[PointState]) -> bytes:
    """The same as the bytes of the file."""
    return json.dumps(label_document(points), indent=2, allow_nan=False).encode("utf-8")


def read_label(content: bytes | str, task: TaskDefinition) -> list[LabelPoint]:
    """The points of a markups file in the order of the task; landmarks that the file lacks are undefined.

    Raises:
        WrongDefinition: it names landmarks that the task lacks.
        BadAnswer: it is no point list in LPS or RAS millimetres.
    """
    markup = _point_list(content)
    system = markup.get("coordinateSystem", "LPS")
    if str(system) not in ("LPS", "RAS", "0", "1"):
        raise BadAnswer(f"The label has the coordinateSystem {str(system)[:20]!r}, which is neither LPS nor RAS.")
    flip = -1.0 if str(system) in ("RAS", "0") else 1.0
    found: dict[str, LabelPoint] = {}
    for item in as_list(markup.get("controlPoints", []), "The label's controlPoints"):
        point = _read_point(item, flip)
        if point.name in found:
            raise BadAnswer(f"The label has the landmark {point.name!r} more than once.")
        found[point.name] = point
    unknown = [name for name in found if name not in task.names]
    if unknown:
        raise WrongDefinition(
            f"The label has the landmarks {', '.join(unknown)}, which the protocol {task.name} lacks: "
            "it was made with another version of the protocol."
        )
    return [found.get(name, LabelPoint(name, UNDEFINED)) for name in task.names]


def _control_point(number: int, point: PointState) -> dict[str, Any]:
    stated = point.confidence if point.status == PREDICTED else None
    return {
        "id": str(number),
        "label": point.name,
        "description": "" if stated is None else f"confidence {min(max(stated, 0.0), 1.0):.3f}",
        "associatedNodeID": "",
        "position": [0.0, 0.0, 0.0] if point.position is None else list(point.position),
        "orientation": list(_ORIENTATION),
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": point.word,
    }


def _point_list(content: bytes | str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise BadAnswer("The label is not a Slicer markups file: it is not JSON.") from None
    markups = as_list(as_object(document, "The label").get("markups"), "The label's markups")
    lists = [as_object(markup, "A markup of the label") for markup in markups]
    lists = [markup for markup in lists if markup.get("type") == "Fiducial"]
    if len(lists) != 1:
        raise BadAnswer(f"The label should hold one point list, not {len(lists)}.")
    return lists[0]


def _read_point(item: Any, flip: float) -> LabelPoint:
    entry = as_object(item, "A control point of the label")
    name = as_text(entry.get("label"), "A control point's label")
    word = as_text(entry.get("positionStatus", "defined"), f"The positionStatus of {name}")
    if word not in _WORDS:
        raise BadAnswer(f"The label's {name} has the positionStatus {word[:20]!r}, which is unknown.")
    stated = _CONFIDENCE.search(str(entry.get("description") or ""))
    confidence = float(stated.group(1)) if stated else None
    if _WORDS[word] != DEFINED:
        return LabelPoint(name, _WORDS[word], None, confidence)
    x, y, z = as_position(entry.get("position"), f"The position of {name}")
    return LabelPoint(name, DEFINED, (flip * x, flip * y, z), confidence)
