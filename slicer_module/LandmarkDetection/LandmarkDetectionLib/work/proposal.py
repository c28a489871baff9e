"""What the server notes with a proposal: the network's whole answer, of which a markups file has points alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ClientError
from ..server.geometry import Geometry
from ..server.prediction import PointPrediction, Prediction
from ..server.task_definition import TaskDefinition

#: In pixels, by which two writings of one position may differ.
_SAME = 0.01


def noted_answer(info: Mapping[str, Any], task: TaskDefinition) -> Prediction | None:
    """The answer that a proposal's info has; None where it has none, or one for other landmarks."""
    try:
        return Prediction.from_document(info.get("params"), task)
    except ClientError:
        return None


def as_noted(
    points: Sequence[PointPrediction], answer: Prediction | None, geometry: Geometry
) -> tuple[Sequence[PointPrediction], float]:
    """The points of a proposal with all that is noted of them, and the factor that makes lengths of the image's unit.

    Points that lie elsewhere than in the answer stay as they are, as where the proposal was mapped to another image.
    """
    if answer is None or not all(_agree(a, b, geometry) for a, b in zip(points, answer.points)):
        return points, 1.0
    before = Geometry(spacing=answer.spacing or geometry.spacing)
    return answer.points, geometry.factor_from(before)


def _agree(one: PointPrediction, other: PointPrediction, geometry: Geometry) -> bool:
    if one.position is None or other.position is None:
        return one.status == other.status
    return geometry.pixel_distance(one.position, other.position) <= _SAME
