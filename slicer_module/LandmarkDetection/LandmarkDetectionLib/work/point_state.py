"""The state of one landmark while a person works on an image."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import BadAnswer
from ..server.json_fields import Position, as_object, as_text, number_or_none, position_or_none
from ..server.prediction import DEFINED, MISSING, UNDEFINED, PointPrediction
from ..words import tr as _

#: What the table shows.
PREDICTED, CORRECTED, PLACED, ABSENT, UNLABELLED = "predicted", "corrected", "placed", "missing", "unlabelled"
STATUSES = (PREDICTED, CORRECTED, PLACED, ABSENT, UNLABELLED)
_PLACES = (PREDICTED, CORRECTED, PLACED)


@dataclass(frozen=True)
class PointState:
    """One landmark; every change makes a new one.

    Attributes:
        name: the landmark's.
        status: ``predicted`` (as the network put it), ``corrected`` (a person moved the prediction, or confirmed it
            where it is), ``placed`` (by hand, with no prediction), ``missing`` or ``unlabelled``.
        position: LPS millimetres; None for ``missing`` and ``unlabelled``.
        proposal: what the network said: ``defined``, ``missing`` or ``undefined``; None without a prediction.
        predicted: LPS millimetres of the prediction; None unless the proposal is ``defined``.
        confidence: of the prediction, in [0, 1]; None if unknown.
        radius: how far the prediction may be off, in the image's unit; None if unknown.
        coverage: the probability that it is off no further; None if unknown.
        touched: whether the state is a person's doing, not the network's.
        confirmed: whether a person accepted the network's word as it stands.
    """

    name: str
    status: str = UNLABELLED
    position: Position | None = None
    proposal: str | None = None
    predicted: Position | None = None
    confidence: float | None = None
    radius: float | None = None
    coverage: float | None = None
    touched: bool = False
    confirmed: bool = False

    @property
    def reach(self) -> float | None:
        """The radius while the point is where the network put it; None for a moved point."""
        return None if self.position is None or self.position != self.predicted else self.radius

    @property
    def said(self) -> tuple[str | None, Position | None]:
        """The network's proposal and position."""
        return self.proposal, self.predicted

    @property
    def awaits_a_person(self) -> bool:
        """True for a prediction that nobody moved, placed, accepted, marked as missing or cleared."""
        return not self.touched and self.proposal in (DEFINED, MISSING)

    @property
    def is_the_network_s(self) -> bool:
        """True while the landmark is as predicted, untouched or accepted; only then the confidence applies."""
        return self.word == self.proposal and self.position == self.predicted

    @property
    def word(self) -> str:
        """The positionStatus of markups files: ``defined``, ``missing`` or ``undefined``."""
        return self.word_of(self.status)

    @staticmethod
    def word_of(status: str) -> str:
        """The positionStatus of a status of the table."""
        if status in _PLACES:
            return DEFINED
        return MISSING if status == ABSENT else UNDEFINED

    def with_prediction(self, point: PointPrediction) -> PointState:
        """Replaces the state by a prediction."""
        status = {DEFINED: PREDICTED, MISSING: ABSENT, UNDEFINED: UNLABELLED}[point.status]
        return PointState(
            self.name,
            status,
            point.position,
            point.status,
            point.position,
            point.confidence,
            point.radius,
            point.coverage,
        )

    def with_proposal(self, point: PointPrediction) -> PointState:
        """Keeps a person's point; replaces the prediction it is compared with."""
        renewed = replace(
            self,
            proposal=point.status,
            predicted=point.position,
            confidence=point.confidence,
            radius=point.radius,
            coverage=point.coverage,
            confirmed=False,
        )
        return renewed if self.position is None else renewed.at(self.position)

    def at(self, position: Position) -> PointState:
        """Places the landmark by hand."""
        status = CORRECTED if self.proposal == DEFINED else PLACED
        return replace(self, status=status, position=position, touched=True, confirmed=position == self.predicted)

    def as_predicted(self) -> PointState:
        """Returns to the prediction; unchanged without one."""
        if self.proposal is None:
            return self
        return self.with_prediction(
            PointPrediction(self.name, self.proposal, self.predicted, self.confidence, self.radius, self.coverage)
        )

    def as_missing(self) -> PointState:
        """Marks the landmark as missing by hand."""
        return replace(self, status=ABSENT, position=None, touched=True, confirmed=self.proposal == MISSING)

    def as_unlabelled(self) -> PointState:
        """Clears the landmark by hand."""
        return replace(self, status=UNLABELLED, position=None, touched=True, confirmed=False)

    def accepted(self) -> PointState:
        """Accepts an untouched prediction; anything else stays."""
        if not self.awaits_a_person:
            return self
        status = CORRECTED if self.proposal == DEFINED else ABSENT
        return replace(self, status=status, touched=True, confirmed=True)

    def scaled(self, factor: float) -> PointState:
        """Converts the radius, the only length, to another unit."""
        return self if self.radius is None else replace(self, radius=self.radius * factor)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Any) -> PointState:
        """Raises BadAnswer where a field has the wrong type or the fields contradict one another."""
        entry = as_object(document, "A saved landmark")
        name = as_text(entry.get("name"), "A saved landmark's name")
        status = as_text(entry.get("status"), f"The saved status of {name}")
        proposal = entry.get("proposal")
        found = cls(
            name,
            status,
            position_or_none(entry.get("position"), f"The saved position of {name}"),
            proposal,
            position_or_none(entry.get("predicted"), f"The saved prediction of {name}"),
            number_or_none(entry.get("confidence"), f"The saved confidence of {name}"),
            number_or_none(entry.get("radius"), f"The saved radius of {name}"),
            number_or_none(entry.get("coverage"), f"The saved coverage of {name}"),
            entry.get("touched") is True,
            entry.get("confirmed") is True,
        )
        known = status in STATUSES and proposal in (None, DEFINED, MISSING, UNDEFINED)
        if not known or (status in _PLACES) != (found.position is not None):
            sentence = _("The saved state of {name} contradicts itself: {status!r} at {position}.")
            raise BadAnswer(sentence.format(name=name, status=status, position=found.position))
        if (proposal == DEFINED) != (found.predicted is not None):
            sentence = _("The saved prediction of {name} contradicts itself: {proposal!r} at {position}.")
            raise BadAnswer(sentence.format(name=name, proposal=proposal, position=found.predicted))
        return found
