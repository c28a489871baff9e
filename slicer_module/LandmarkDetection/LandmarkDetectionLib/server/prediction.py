"""A network's answer for one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import BadAnswer, WrongDefinition
from ..words import tr as _
from .json_fields import Position, as_list, as_number, as_object, as_text, number_or_none, position_or_none
from .task_definition import TaskDefinition

DEFINED, MISSING, UNDEFINED = "defined", "missing", "undefined"


@dataclass(frozen=True)
class PointPrediction:
    """One landmark of an answer.

    Attributes:
        status: ``defined``, ``missing`` (the network says that it is absent) or ``undefined``.
        position: LPS millimetres; None unless defined.
        confidence: in [0, 1]; None if unknown. For a missing landmark, the confidence in its absence.
        radius: how far the point may be off, in the answer's unit; None if unknown.
        coverage: the probability that it is off no further; None if unknown.
    """

    name: str
    status: str
    position: Position | None = None
    confidence: float | None = None
    radius: float | None = None
    coverage: float | None = None


@dataclass(frozen=True)
class Prediction:
    """The landmarks of one image in the order of the task.

    Attributes:
        spacing, unit: the size of a pixel that lengths rest on; None and empty where the answer does not say.
        message: a sentence of the server's for the person, e.g. that there is no network yet; mostly empty.
        unfamiliar: whether the image is unlike those that the network was trained on.
    """

    protocol: str
    model_version: str
    image: str
    points: tuple[PointPrediction, ...]
    message: str = ""
    spacing: tuple[float, float] | None = None
    unit: str = ""
    unfamiliar: bool = False

    @classmethod
    def from_document(cls, document: Any, task: TaskDefinition) -> Prediction:
        """Reads the JSON of ``POST /infer/{protocol}``.

        Raises:
            WrongDefinition: its landmarks are not the task's.
            BadAnswer: a field is missing or of the wrong type.
        """
        entry = as_object(document, "The prediction")
        coverage = number_or_none(entry.get("coverage"), "The prediction's coverage")
        points = tuple(_point(item, coverage) for item in as_list(entry.get("landmarks"), "The prediction's landmarks"))
        names = tuple(point.name for point in points)
        if entry.get("protocol") != task.name or names != task.names:
            raise WrongDefinition(
                _(
                    "The server's {protocol} now has the landmarks {names}, but this image was opened with "
                    "{others}: submit or save your work, connect again and reopen the image."
                ).format(protocol=task.name, names=", ".join(names), others=", ".join(task.names))
            )
        version = as_text(entry.get("model_version"), "The prediction's model_version")
        image = as_text(entry.get("image"), "The prediction's image")
        message = as_text(entry.get("message", ""), "The prediction's message")
        spacing, unit = entry.get("spacing"), str(entry.get("unit") or "")
        unfamiliar = entry.get("unfamiliar") is not None
        if not isinstance(spacing, list) or len(spacing) != 2 or unit not in ("mm", "px"):
            return cls(task.name, version, image, points, message, unfamiliar=unfamiliar)
        x, y = (as_number(value, "The prediction's spacing") for value in spacing)
        return cls(task.name, version, image, points, message, (x, y), unit, unfamiliar)


def unfamiliar_words() -> str:
    """What a person should know of an unfamiliar image."""
    return _("This image is unlike those that the model was trained on; check every point.")


@dataclass(frozen=True)
class Answer:
    """The two parts of a prediction as the server sent them.

    Attributes:
        document: the JSON; :meth:`Prediction.from_document` reads it.
        markups: the same points as the content of a Slicer markups file.
    """

    document: dict[str, Any]
    markups: bytes


def _point(item: Any, coverage: float | None) -> PointPrediction:
    entry = as_object(item, "A landmark of the prediction")
    name = as_text(entry.get("name"), "A landmark's name")
    status = as_text(entry.get("status"), f"The status of {name}")
    position = position_or_none(entry.get("position"), f"The position of {name}")
    if status not in (DEFINED, MISSING, UNDEFINED) or (status == DEFINED and position is None):
        sentence = _("The prediction gives {name} the status {status!r} at {position}.")
        raise BadAnswer(sentence.format(name=name, status=status[:30], position=position))
    radius = number_or_none(entry.get("radius"), f"The radius of {name}")
    return PointPrediction(
        name,
        status,
        position if status == DEFINED else None,
        number_or_none(entry.get("confidence"), f"The confidence of {name}"),
        radius,
        None if radius is None else coverage,
    )
