"""The work on an image as plain values: kept in the scene, taken up from a label, sent to the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ..errors import BadAnswer, WrongDefinition
from ..server.geometry import Geometry
from ..server.json_fields import (
    Position,
    as_list,
    as_number,
    as_object,
    as_text,
    from_scene_text,
    number_or_none,
    position_or_none,
    to_scene_text,
)
from ..server.prediction import DEFINED, MISSING, UNDEFINED, PointPrediction
from ..server.task_definition import TaskDefinition
from ..words import tr as _
from .label_document import label_bytes, read_label
from .point_state import ABSENT, CORRECTED, PLACED, PREDICTED, PointState
from .proposal import as_noted, noted_answer

Points = tuple[PointState, ...]
#: What a label says of each landmark: its status and position.
Content = tuple[tuple[str, Optional[Position]], ...]


def content_of(points: Points) -> Content:
    """The part of the points that distinguishes a saved state from a changed one."""
    return tuple((point.status, point.position) for point in points)


@dataclass(frozen=True)
class WorkRecord:
    """The work on one image without its history.

    Attributes:
        saved: the content under ``saved_tag`` on the server; None if the server has none.
        seconds: time spent.
        server: the address that the image came from; empty if unknown.
        reader: who opened the image; empty if nobody was named. It counts in a study with several readers.
        labels: when each label that the person has seen was saved, by tag; None if unknown.
    """

    task: TaskDefinition
    image: str
    points: Points
    geometry: Geometry = field(default_factory=Geometry)
    model_version: str | None = None
    saved_tag: str | None = None
    saved: Content | None = None
    seconds: float = 0.0
    server: str = ""
    reader: str = ""
    labels: Mapping[str, float | None] | None = None

    @classmethod
    def empty(cls, task: TaskDefinition, image: str, geometry: Geometry | None = None) -> WorkRecord:
        return cls(task, image, tuple(PointState(name) for name in task.names), geometry or Geometry())

    def to_json(self) -> str:
        document: dict[str, Any] = {
            "task": self.task.to_dict(),
            "image": self.image,
            "points": [point.to_dict() for point in self.points],
            "geometry": self.geometry.to_dict(),
            "model_version": self.model_version,
            "saved_tag": self.saved_tag,
            "saved": self.saved,
            "seconds": round(self.seconds, 3),
        }
        if self.reader:
            document["reader"] = self.reader
        if self.labels is not None:
            document["labels"] = dict(self.labels)
        return to_scene_text(document)

    @classmethod
    def from_json(cls, text: str, server: str = "") -> WorkRecord:
        """Reads what :meth:`to_json` wrote; the server's address is kept beside it.

        Raises:
            BadAnswer: it is damaged, or of another version of the module.
        """
        entry = from_scene_text(text, "The saved work")
        task = TaskDefinition.from_dict(entry.get("task"), "The saved protocol")
        points = tuple(PointState.from_dict(item) for item in as_list(entry.get("points"), "The saved landmarks"))
        if tuple(point.name for point in points) != task.names:
            raise BadAnswer(_("The scene's saved landmark work is damaged: its points are not those of its protocol."))
        saved = entry.get("saved")
        return cls(
            task,
            as_text(entry.get("image"), "The saved image"),
            points,
            Geometry.from_dict(entry.get("geometry")),
            text_or_none(entry.get("model_version")),
            text_or_none(entry.get("saved_tag")),
            None if saved is None else tuple(_content_item(item) for item in as_list(saved, "The saved label")),
            as_number(entry.get("seconds"), "The saved time"),
            server,
            as_text(entry.get("reader", ""), "The saved reader"),
            _labels(entry.get("labels")),
        )

    def continues(self, other: WorkRecord) -> bool:
        """Tests that this is the same work at a later time, with other points: the time spent tells which is later."""
        return self.seconds > other.seconds and self.points != other.points

    def on(self, geometry: Geometry) -> WorkRecord:
        """Moves the points to the present placement of the image, pixel by pixel."""
        if self.geometry.size != geometry.size or geometry.size is None or self.geometry == geometry:
            return replace(self, geometry=geometry)

        def moved(position: Position | None) -> Position | None:
            return None if position is None else geometry.to_lps(*self.geometry.to_pixel(position))

        factor = geometry.factor_from(self.geometry)
        points = tuple(
            replace(p, position=moved(p.position), predicted=moved(p.predicted)).scaled(factor) for p in self.points
        )
        saved = None if self.saved is None else tuple((status, moved(position)) for status, position in self.saved)
        return replace(self, points=points, saved=saved, geometry=geometry)

    @classmethod
    def from_label(
        cls,
        task: TaskDefinition,
        image: str,
        tag: str,
        markups: bytes | str,
        info: Mapping[str, Any],
        geometry: Geometry | None = None,
    ) -> WorkRecord:
        """A labelled image, opened again. Nothing is unsent, and the time goes on from what was spent before.

        Args:
            task: what the server means by the protocol now.
            image: its ID.
            tag: ``final`` or ``draft``; ``original`` is a network's proposal, and its points are predictions.
            markups: the label's file.
            info: the label's info. Where this module saved the label it tells what was predicted, moved and
                confirmed; points of other origin count as placed by hand. That of a proposal has the whole answer.
            geometry: of the image.

        Raises:
            OtherFrame: the label was made on another placement of the image.
            WrongDefinition: the label has landmarks that the task lacks, or belongs to another task.
            BadAnswer: the label is no point list.
        """
        if info.get("protocol") not in (None, "", task.name):
            sentence = _("The label of {image} belongs to the protocol {other}, not {protocol}.")
            raise WrongDefinition(sentence.format(image=image, other=info["protocol"], protocol=task.name))
        points = read_label(markups, task, geometry)
        geometry = geometry or Geometry()
        version = text_or_none(info.get("model_version"))
        if tag == "original":
            noted, factor = as_noted(points, noted_answer(info, task), geometry)
            states = tuple(PointState(point.name).with_prediction(point).scaled(factor) for point in noted)
            return cls(task, image, states, geometry, version)
        origins = info.get("landmarks")
        origins = origins if isinstance(origins, dict) else {}
        states = tuple(_opened(point, origins.get(point.name)) for point in points)
        if info.get("unit") == "px" and geometry.unit == "mm":  # calibrated since
            states = tuple(state.scaled(geometry.factor_from(Geometry())) for state in states)
        elif info.get("unit") == "mm" and geometry.unit == "px":
            states = tuple(replace(state, radius=None, coverage=None) for state in states)
        elif info.get("unit") == "mm":  # of another size, where it was stated anew
            before = replace(geometry, spacing=_spacing(info.get("spacing")) or geometry.spacing)
            states = tuple(state.scaled(geometry.factor_from(before)) for state in states)
        seconds = info.get("seconds")
        spent = float(seconds) if isinstance(seconds, (int, float)) and 0 < seconds < 1e9 else 0.0
        return cls(task, image, states, geometry, version, tag, content_of(states), spent)


def _spacing(value: Any) -> tuple[float, float] | None:
    """The pixel size that a label states; None where it states none, as those of former versions."""
    numbers = value if isinstance(value, list) and len(value) == 2 else []
    x, y = (number if isinstance(number, (int, float)) else 0.0 for number in numbers or (0.0, 0.0))
    return (float(x), float(y)) if 0 < x < 1e9 and 0 < y < 1e9 else None


def _labels(value: Any) -> dict[str, float | None] | None:
    if value is None:
        return None
    return {tag: number_or_none(time, "The saved time of a label") for tag, time in as_object(value, "Labels").items()}


def text_or_none(value: Any) -> str | None:
    """Text, or None for null."""
    return None if value is None else as_text(value, "A saved field")


def origin_of(point: PointState) -> dict[str, Any]:
    """The part of a label's info about one landmark; its position is in the label itself."""
    entry = point.to_dict()
    return {name: value for name, value in entry.items() if name not in ("name", "position")}


def _content_item(item: Any) -> tuple[str, Position | None]:
    if not isinstance(item, list) or len(item) != 2:
        raise BadAnswer(_("The scene's saved landmark work is damaged: its saved label is not a list of points."))
    status, position = item
    return as_text(status, "The saved label"), position_or_none(position, "The saved label")


def _opened(point: PointPrediction, origin: Any) -> PointState:
    """The state of a label's point by its origin; without a consistent origin it counts as placed by hand."""
    by_hand = PointState(
        point.name,
        {DEFINED: PLACED, MISSING: ABSENT, UNDEFINED: PointState.status}[point.status],
        point.position,
        touched=point.status != UNDEFINED,
    )
    if not isinstance(origin, dict):
        return by_hand
    try:
        position = None if point.position is None else list(point.position)
        state = PointState.from_dict({**origin, "name": point.name, "position": position})
    except BadAnswer:
        return by_hand
    if state.word != point.status:
        return by_hand
    if state.status == PREDICTED and state.position != state.predicted:
        return replace(state, status=CORRECTED, touched=True)
    return state


@dataclass(frozen=True)
class Submission:
    """A finished label or a draft; it stays valid whatever is done to the work afterwards.

    Attributes:
        record: the work as it was when the submission was made.
        tag: ``final`` or ``draft``.
        params: the JSON that goes with the label: ``protocol``, ``definition`` (digest), ``model_version`` (None
            where no prediction was shown), ``image_revision`` where it is known, ``displacement`` by landmark and its
            ``unit``, the pixel's ``spacing`` where that is mm, ``seconds``, ``client``, ``annotator``, and
            ``landmarks``, from which the work is taken up again when the label is reopened.
        markups: the content of the Slicer markups file.
    """

    record: WorkRecord
    tag: str
    params: dict[str, Any]
    markups: bytes

    @property
    def image(self) -> str:
        return self.record.image

    @property
    def points(self) -> Points:
        return self.record.points

    def over(self, labels: Mapping[str, float | None]) -> Submission:
        """The same label, to replace those that the person has been told of."""
        return replace(self, record=replace(self.record, labels=labels))

    @classmethod
    def of(cls, record: WorkRecord, tag: str, annotator: str = "") -> Submission:
        params: dict[str, Any] = {
            "protocol": record.task.name,
            "definition": record.task.digest,
            "model_version": record.model_version,
            **({"image_revision": record.geometry.revision} if record.geometry.revision else {}),
            "displacement": displacement(record),
            "unit": record.geometry.unit,
            **({"spacing": list(record.geometry.spacing)} if record.geometry.unit == "mm" else {}),
            "seconds": round(record.seconds, 1),
            "client": "3D Slicer",
            "landmarks": {point.name: origin_of(point) for point in record.points},
        }
        if annotator:
            params["annotator"] = annotator
        return cls(record, tag, params, label_bytes(record.points, record.geometry))


def displacement(record: WorkRecord) -> dict[str, Any]:
    """Distance of each landmark from its prediction in the image's unit, to four digits; None without both."""
    found: dict[str, Any] = {}
    for point in record.points:
        both = point.position is not None and point.predicted is not None
        found[point.name] = round(record.geometry.distance(point.position, point.predicted), 4) if both else None  # type: ignore[arg-type]
    return found


@dataclass(frozen=True)
class Unsent:
    """Work that the server does not have.

    Attributes:
        record: the work.
        tag: how it was to be sent; ``draft`` where it was only left.
        reason: one sentence: why it was not sent.
        aside: whether the image was opened with other points since, which do not go on with these.
    """

    record: WorkRecord
    tag: str
    reason: str
    aside: bool = False

    @property
    def image(self) -> str:
        return self.record.image


@dataclass(frozen=True)
class SessionRecord:
    """The content that the scene keeps. No token.

    Attributes:
        server: address that the open work came from; without work that of the server; empty if there was none.
        work: the open work.
        unsent: what the server does not have.
    """

    server: str
    work: WorkRecord | None
    unsent: tuple[Unsent, ...]

    def to_json(self) -> str:
        unsent = [
            {
                "record": item.record.to_json(),
                "tag": item.tag,
                "reason": item.reason,
                "server": item.record.server,
                **({"aside": True} if item.aside else {}),
            }
            for item in self.unsent
        ]
        work = None if self.work is None else self.work.to_json()
        return to_scene_text({"server": self.server, "work": work, "unsent": unsent})

    @classmethod
    def from_json(cls, text: str) -> SessionRecord:
        """Reads the text of :meth:`to_json`.

        Raises:
            BadAnswer: the text is damaged or of another version.
        """
        entry = from_scene_text(text, "The saved session")
        work, server = entry.get("work"), as_text(entry.get("server"), "The saved server")
        return cls(
            server,
            None if work is None else WorkRecord.from_json(as_text(work, "The saved work"), server),
            tuple(_unsent(item) for item in as_list(entry.get("unsent"), "The saved unsent work")),
        )


def _unsent(item: Any) -> Unsent:
    entry = as_object(item, "Saved unsent work")
    tag, reason, server = (as_text(entry.get(name), f"The saved {name}") for name in ("tag", "reason", "server"))
    record = WorkRecord.from_json(as_text(entry.get("record"), "Saved unsent work"), server)
    return Unsent(record, tag, reason, entry.get("aside") is True)
