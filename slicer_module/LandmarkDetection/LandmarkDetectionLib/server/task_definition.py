"""A landmark task as the server describes it: landmarks, measurements, and a digest of their meaning."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import BadAnswer
from ..words import tr as _
from .json_fields import as_list, as_object, as_text


@dataclass(frozen=True)
class LandmarkDefinition:
    """One landmark.

    Attributes:
        name: identifier, e.g. ``left_alare``.
        description: what it is anatomically and how to place it; shown while placing.
        color: ``#RRGGBB``.
        pair: the name of its left/right partner.
        optional: may be left out of a finished label.
        picture: whether the server has an example picture of it.
    """

    name: str
    description: str = ""
    color: str = "#E69F00"
    pair: str | None = None
    optional: bool = False
    picture: bool = False

    @property
    def title(self) -> str:
        """The name as a person reads it: ``left alare``."""
        return self.name.replace("_", " ")

    @property
    def rgb(self) -> tuple[float, float, float]:
        """The colour as red, green and blue in [0, 1]."""
        return tuple(int(self.color[i : i + 2], 16) / 255.0 for i in (1, 3, 5))  # type: ignore[return-value]


@dataclass(frozen=True)
class MeasurementDefinition:
    """A length, angle or ratio between landmarks.

    Attributes:
        kind: ``distance`` (between two), ``height`` (of the first above the line through the second and third),
            ``angle`` (at the middle one of three, in degrees) or ``ratio`` (of the distance of the first two of four
            to that of the last two).
        between: landmark names.
    """

    name: str
    kind: str
    between: tuple[str, ...]
    description: str = ""

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class TaskDefinition:
    """One protocol of the server. The order of the landmarks is the order of control points everywhere."""

    name: str
    title: str
    landmarks: tuple[LandmarkDefinition, ...]
    measurements: tuple[MeasurementDefinition, ...] = ()
    description: str = ""
    digest: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", _digest(self))

    @property
    def names(self) -> tuple[str, ...]:
        """The K landmark names in order."""
        return tuple(landmark.name for landmark in self.landmarks)

    def in_words(self, sentence: str) -> str:
        """A sentence with the landmarks' names in readable form: ``left alare``."""
        for name in sorted(self.names, key=len, reverse=True):
            sentence = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", name.replace("_", " "), sentence)
        return sentence

    def index(self, name: str) -> int:
        """Index of a landmark; ValueError for an unknown name."""
        return self.names.index(name)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Index pairs of left/right partners, each once, the earlier landmark first."""
        names = self.names
        found = [(i, names.index(item.pair)) for i, item in enumerate(self.landmarks) if item.pair in names]
        return tuple((first, second) for first, second in found if first < second)

    def difference(self, other: TaskDefinition) -> str:
        """One clause that describes how ``other``'s landmarks differ; empty if they mean the same."""
        if self.digest == other.digest:
            return ""
        if self.name != other.name:
            return _("it is the protocol {other}, not {protocol}").format(other=other.name, protocol=self.name)
        gone = [name for name in self.names if name not in other.names]
        new = [name for name in other.names if name not in self.names]
        parts = [_("lacks {names}").format(names=", ".join(gone))] * bool(gone) + [
            _("adds {names}").format(names=", ".join(new))
        ] * bool(new)
        return " and ".join(parts) or _("lists the same landmarks in another order or with other left/right pairs")

    def to_dict(self) -> dict[str, Any]:
        """JSON in the form of ``/info/``."""
        document = asdict(self)
        del document["digest"]
        return document

    @classmethod
    def from_dict(cls, document: Any, where: str = "The protocol") -> TaskDefinition:
        """A definition out of ``/info/`` or a saved scene.

        Raises:
            BadAnswer: a field is missing or of the wrong type, or names repeat.
        """
        entry = as_object(document, where)
        name = as_text(entry.get("name"), f"{where}: name")
        landmarks = tuple(_landmark(item, where) for item in as_list(entry.get("landmarks"), f"{where}: landmarks"))
        names = [landmark.name for landmark in landmarks]
        if not names or len(set(names)) != len(names):
            sentence = _("{where} should list different landmarks, not {names}.")
            raise BadAnswer(sentence.format(where=where, names=", ".join(names) or "none"))
        measurements = tuple(
            _measurement(item, names, where)
            for item in as_list(entry.get("measurements", []), f"{where}: measurements")
        )
        title, text = entry.get("title") or name, entry.get("description") or ""
        return cls(name, as_text(title, f"{where}: title"), landmarks, measurements, as_text(text, where))


def _landmark(item: Any, where: str) -> LandmarkDefinition:
    entry = as_object(item, f"{where}: a landmark")
    pair, color = entry.get("pair"), entry.get("color") or LandmarkDefinition.color
    return LandmarkDefinition(
        as_text(entry.get("name"), f"{where}: a landmark's name"),
        as_text(entry.get("description", ""), f"{where}: a landmark's description"),
        _color(color, where),
        None if pair is None else as_text(pair, f"{where}: a landmark's pair"),
        entry.get("optional") is True,
        entry.get("picture") is True,
    )


def _color(value: Any, where: str) -> str:
    text = as_text(value, f"{where}: a landmark's color")
    if len(text) != 7 or text[0] != "#" or any(digit not in "0123456789abcdefABCDEF" for digit in text[1:]):
        raise BadAnswer(
            _("{where}: a landmark's color should be '#RRGGBB', not {text!r}.").format(where=where, text=text[:20])
        )
    return text


def _measurement(item: Any, names: Any, where: str) -> MeasurementDefinition:
    entry = as_object(item, f"{where}: a measurement")
    name = as_text(entry.get("name"), f"{where}: a measurement's name")
    kind = as_text(entry.get("kind", "distance"), f"{where}: the kind of {name}")
    between = tuple(as_text(end, f"{where}: {name}") for end in as_list(entry.get("between"), f"{where}: {name}"))
    needed = {"distance": 2, "height": 3, "angle": 3, "ratio": 4}.get(kind)
    if len(between) != needed or any(end not in names for end in between):
        sentence = _("{where}: the measurement {name} is a {kind} between {names}, which is unknown.")
        raise BadAnswer(sentence.format(where=where, name=name, kind=kind, names=", ".join(between)))
    return MeasurementDefinition(name, kind, between, as_text(entry.get("description", ""), f"{where}: {name}"))


def _digest(task: TaskDefinition) -> str:
    """Twelve hex digits of what gives saved points their meaning; wording and colours may change."""
    meaning = [task.name, [[i.name, i.pair, i.optional] for i in task.landmarks]]
    return hashlib.sha256(json.dumps(meaning).encode("utf-8")).hexdigest()[:12]
