"""A label as it goes to the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .label_document import label_bytes
from .work_record import Points, WorkRecord, origin_of


@dataclass(frozen=True)
class Submission:
    """A finished label or a draft; it stays valid whatever is done to the work afterwards.

    Attributes:
        record: the work as it was when the submission was made.
        tag: ``final`` or ``draft``.
        params: the JSON that goes with the label: ``protocol``, ``definition`` (digest), ``model_version`` (None
            where no prediction was shown), ``displacement`` by landmark and its ``unit``, ``seconds``, ``client``,
            ``annotator``, and ``landmarks``, from which the work is taken up again when the label is reopened.
        markups: the content of the Slicer markups file.
    """

    record: WorkRecord
    tag: str
    params: dict[str, Any]
    markups: bytes

    @property
    def image(self) -> str:
        """The ID of the image."""
        return self.record.image

    @property
    def points(self) -> Points:
        """The state that is sent."""
        return self.record.points

    @classmethod
    def of(cls, record: WorkRecord, tag: str, annotator: str = "") -> Submission:
        """The submission of a work as it is now."""
        params: dict[str, Any] = {
            "protocol": record.task.name,
            "definition": record.task.digest,
            "model_version": record.model_version,
            "displacement": displacement(record),
            "unit": record.geometry.unit,
            "seconds": round(record.seconds, 1),
            "client": "3D Slicer",
            "landmarks": {point.name: origin_of(point) for point in record.points},
        }
        if annotator:
            params["annotator"] = annotator
        return cls(record, tag, params, label_bytes(record.points, record.geometry))


def displacement(record: WorkRecord) -> dict[str, Any]:
    """How far each landmark lies from its prediction in the image's unit, to four digits; None without both."""
    found: dict[str, Any] = {}
    for point in record.points:
        both = point.position is not None and point.predicted is not None
        found[point.name] = round(record.geometry.distance(point.position, point.predicted), 4) if both else None  # type: ignore[arg-type]
    return found
