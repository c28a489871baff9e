"""Labels as Slicer markups files (.mrk.json): written for the server, read when a labelled image is opened again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ..errors import BadAnswer, OtherFrame, WrongDefinition
from ..server.geometry import Geometry
from ..server.json_fields import as_list, as_object, as_position, as_text
from ..server.prediction import DEFINED, MISSING, UNDEFINED, PointPrediction
from ..server.task_definition import TaskDefinition
from ..words import tr as _
from .point_state import PREDICTED, PointState

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
# Slicer's own orientation of a new point: the RAS axes, written in LPS.
_ORIENTATION = [-1.0, -0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 0.0, 1.0]
# Older modules of Slicer write their results as previews; where Slicer has not placed one yet, it has no position.
_WORDS = {"defined": DEFINED, "missing": MISSING, "undefined": UNDEFINED, "preview": DEFINED}
#: The frame of the image that a label was made on, as the server writes it too; Slicer itself reads over it.
FRAME_FIELD = "imageFrame"
#: How far, in pixels, a corner of the image may be moved by a placement that counts as the same.
SAME_PLACEMENT = 0.01
CONFIDENCE = re.compile(r"(?:^|; )confidence (0(?:\.\d+)?|1(?:\.0+)?)$")


def label_document(points: Sequence[PointState], geometry: Geometry | None = None) -> dict[str, Any]:
    """The content of a markups file: every landmark in the given order, in LPS, with its positionStatus.

    A landmark without a point has the position [0, 0, 0], which means nothing, as the format wants three numbers.
    The confidence stands in the description of a point that nobody touched; a person's point has none.

    Args:
        points: what to write.
        geometry: of the image, which the label states, so that the server refuses it where the image has another
            placement by now; None, or one of unknown size, leaves that to the server.
    """
    return {
        "@schema": SCHEMA,
        **_frame_field(geometry),
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


def label_bytes(points: Sequence[PointState], geometry: Geometry | None = None) -> bytes:
    """The content of the file as bytes."""
    return json.dumps(label_document(points, geometry), indent=2, allow_nan=False).encode("utf-8")


def read_label(content: bytes | str, task: TaskDefinition, geometry: Geometry | None = None) -> list[PointPrediction]:
    """The points of a markups file in the order of the task; landmarks that the file lacks are undefined.

    Raises:
        OtherFrame: the label was made on another placement of the image.
        WrongDefinition: it names landmarks that the task lacks.
        BadAnswer: it is no point list in LPS or RAS millimetres.
    """
    document, markup = _point_list(content)
    _check_frame(document.get(FRAME_FIELD), geometry)
    system = markup.get("coordinateSystem", "LPS")
    if str(system) not in ("LPS", "RAS", "0", "1"):
        sentence = _("The label has the coordinateSystem {system!r}, which is neither LPS nor RAS.")
        raise BadAnswer(sentence.format(system=str(system)[:20]))
    flip = -1.0 if str(system) in ("RAS", "0") else 1.0
    found: dict[str, PointPrediction] = {}
    for item in as_list(markup.get("controlPoints", []), "The label's controlPoints"):
        point = _read_point(item, flip)
        if point.name in found:
            raise BadAnswer(_("The label has the landmark {name!r} more than once.").format(name=point.name))
        found[point.name] = point
    unknown = [name for name in found if name not in task.names]
    if unknown:
        sentence = _(
            "The label has the landmarks {names}, which the protocol {protocol} lacks: it was made with "
            "another version of the protocol."
        )
        raise WrongDefinition(sentence.format(names=", ".join(unknown), protocol=task.name))
    return [found.get(name, PointPrediction(name, UNDEFINED)) for name in task.names]


def _control_point(number: int, point: PointState) -> dict[str, Any]:
    return {
        "id": str(number),
        "label": point.name,
        "description": confidence_words(point.confidence if point.status == PREDICTED else None),
        "associatedNodeID": "",
        "position": [0.0, 0.0, 0.0] if point.position is None else list(point.position),
        "orientation": list(_ORIENTATION),
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": point.word,
    }


def confidence_words(confidence: float | None) -> str:
    """The confidence as a description states it; empty for None."""
    return "" if confidence is None else f"confidence {min(max(confidence, 0.0), 1.0):.3f}"


def _frame_field(geometry: Geometry | None) -> dict[str, Any]:
    if geometry is None or geometry.size is None:
        return {}
    stated = geometry.to_dict()
    return {FRAME_FIELD: {name: stated[name] for name in ("size", "origin", "x_step", "y_step")}}


def _check_frame(stated: Any, geometry: Geometry | None) -> None:
    if stated is None or geometry is None or geometry.size is None:
        return
    entry = as_object(stated, "The frame of the label")
    made_on = Geometry.from_dict({**entry, "spacing": [1, 1], "unit": "px"})
    if made_on.size != geometry.size or made_on.moved_by(geometry) > SAME_PLACEMENT:
        raise OtherFrame(
            _(
                "The label was made on another placement of the image or on another image, and its points would "
                "lie elsewhere in this one: put the image file back as it was, or map the label on the server "
                "with `monai-landmarks remap`."
            )
        )


def _is_position(value: Any) -> bool:
    try:
        as_position(value, "")
    except BadAnswer:
        return False
    return True


def _point_list(content: bytes | str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document and its one point list."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise BadAnswer(_("The label is not a Slicer markups file: it is not JSON.")) from None
    markups = as_list(as_object(document, "The label").get("markups"), "The label's markups")
    lists = [as_object(markup, "A markup of the label") for markup in markups]
    lists = [markup for markup in lists if markup.get("type") == "Fiducial"]
    if len(lists) != 1:
        raise BadAnswer(_("The label should contain one point list, not {count}.").format(count=len(lists)))
    return document, lists[0]


def _read_point(item: Any, flip: float) -> PointPrediction:
    entry = as_object(item, "A control point of the label")
    name = as_text(entry.get("label"), "A control point's label")
    word = as_text(entry.get("positionStatus", "defined"), f"The positionStatus of {name}")
    if word not in _WORDS:
        raise BadAnswer(
            _("The label's {name} has the positionStatus {word!r}, which is unknown.").format(name=name, word=word[:20])
        )
    stated = CONFIDENCE.search(str(entry.get("description") or ""))
    confidence = float(stated.group(1)) if stated else None
    if _WORDS[word] != DEFINED:
        return PointPrediction(name, _WORDS[word], None, confidence)
    position = entry.get("position")
    if word == "preview" and not _is_position(position):
        return PointPrediction(name, UNDEFINED, None, confidence)
    x, y, z = as_position(position, f"The position of {name}")
    return PointPrediction(name, DEFINED, (flip * x, flip * y, z), confidence)
