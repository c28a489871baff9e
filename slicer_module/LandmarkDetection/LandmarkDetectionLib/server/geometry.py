"""Placement of an image (where its pixels lie) and its calibration (how large they are)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import BadAnswer
from ..words import tr as _
from .json_fields import Position, as_list, as_number, as_object, as_position, as_text, number_or_none


@dataclass(frozen=True)
class Geometry:
    """One 2D image in its placement frame.

    Placement (the first three) is how 3D Slicer reads the file. Calibration (``spacing``, ``unit``) is the real size
    of a pixel, which may be unknown: lengths are then in pixels.

    Attributes:
        origin: LPS millimetres of the centre of the top-left pixel.
        x_step, y_step: LPS millimetres from one pixel to the next along a row (x) and down a column (y).
        spacing: length of a pixel along (x, y) in ``unit``; (1, 1) where the unit is ``px``.
        unit: ``mm`` or ``px``.
        size: (width, height) in pixels; None if unknown.
        revision: tells the image from every other one that has its name; empty if unknown.
    """

    origin: Position = (0.0, 0.0, 0.0)
    x_step: Position = (1.0, 0.0, 0.0)
    y_step: Position = (0.0, 1.0, 0.0)
    spacing: tuple[float, float] = (1.0, 1.0)
    unit: str = "px"
    size: tuple[int, int] | None = None
    revision: str = field(default="", compare=False)

    def is_of_another(self, revision: Any) -> bool:
        """Tests that the image is another one than that of a revision, empty or None where none is known."""
        return bool(self.revision and revision) and revision != self.revision

    def to_pixel(self, position: Sequence[float]) -> tuple[float, float]:
        """Converts an LPS position to (x, y), by least squares off the image plane; (0, 0) is a pixel centre."""
        offset = [p - o for p, o in zip(position, self.origin)]
        xx, yy, xy = _dot(self.x_step, self.x_step), _dot(self.y_step, self.y_step), _dot(self.x_step, self.y_step)
        px, py = _dot(self.x_step, offset), _dot(self.y_step, offset)
        area = xx * yy - xy * xy
        return (px * yy - py * xy) / area, (py * xx - px * xy) / area

    def to_lps(self, x: float, y: float) -> Position:
        """Converts a pixel to an LPS position."""
        left, posterior, superior = (o + x * u + y * v for o, u, v in zip(self.origin, self.x_step, self.y_step))
        return left, posterior, superior

    def to_plane(self, position: Sequence[float]) -> tuple[float, float]:
        """Converts an LPS position to (x, y) in :attr:`unit`: differences are true lengths."""
        x, y = self.to_pixel(position)
        return x * self.spacing[0], y * self.spacing[1]

    def distance(self, a: Sequence[float], b: Sequence[float]) -> float:
        """Distance of two LPS positions in :attr:`unit`."""
        (ax, ay), (bx, by) = self.to_plane(a), self.to_plane(b)
        return math.hypot(bx - ax, by - ay)

    def pixel_distance(self, a: Sequence[float], b: Sequence[float]) -> float:
        """Distance of two LPS positions in pixels."""
        (ax, ay), (bx, by) = self.to_pixel(a), self.to_pixel(b)
        return math.hypot(bx - ax, by - ay)

    def factor_from(self, other: Geometry) -> float:
        """Factor that converts a length in the other's unit to this unit, by the mean pixel size."""
        return math.sqrt(self.spacing[0] * self.spacing[1] / (other.spacing[0] * other.spacing[1]))

    def moved_by(self, other: Geometry) -> float:
        """Largest distance between corresponding corners of the image in both placements, in pixels of the other."""
        width, height = self.size or (1, 1)
        corners = [(x, y) for x in (0, width - 1) for y in (0, height - 1)]
        apart = max(math.dist(self.to_lps(*corner), other.to_lps(*corner)) for corner in corners)
        return apart / math.sqrt(min(_dot(other.x_step, other.x_step), _dot(other.y_step, other.y_step)))

    def to_dict(self) -> dict[str, Any]:
        """JSON in the form of ``GET /datastore/image/frame``."""
        document = asdict(self)
        if not self.revision:
            del document["revision"]
        return document

    @classmethod
    def from_dict(cls, document: Any) -> Geometry:
        """Raises BadAnswer where a field is missing, of the wrong type, or describes no plane."""
        entry = as_object(document, "The frame of an image")
        spacing = [as_number(value, "frame.spacing") for value in as_list(entry.get("spacing"), "frame.spacing")]
        size = None if entry.get("size") is None else as_list(entry["size"], "frame.size")
        found = cls(
            as_position(entry.get("origin"), "frame.origin"),
            as_position(entry.get("x_step"), "frame.x_step"),
            as_position(entry.get("y_step"), "frame.y_step"),
            (spacing[0], spacing[-1]) if len(spacing) == 2 else (0.0, 0.0),
            as_text(entry.get("unit"), "frame.unit"),
            None if size is None or len(size) != 2 else (int(size[0]), int(size[1])),
            str(entry.get("revision") or ""),
        )
        if min(found.spacing) <= 0 or not found._spans_a_plane():
            raise BadAnswer(
                _("The frame of an image does not span a plane: {frame}.").format(frame=str(found.to_dict())[:200])
            )
        return found

    def _spans_a_plane(self) -> bool:
        xx, yy, xy = _dot(self.x_step, self.x_step), _dot(self.y_step, self.y_step), _dot(self.x_step, self.y_step)
        return xx > 0 and yy > 0 and xx * yy - xy * xy > 1e-12 * xx * yy


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b))


#: How a person knows a length: anything of known length, a ruler, a sticker, the iris; or against the image's file.
LINE, RULER, STICKER, IRIS, OVERRULE = "line", "ruler", "sticker", "iris", "overrule"
KINDS = (LINE, RULER, STICKER, IRIS)
#: Millimetres of the things whose length is known. An iris only gives an estimate: from white to white adults have
#: 11.71 +/- 0.42 mm (Rüfer, Schröder and Erb, Cornea 24:259-261, 2005).
USUAL_LENGTHS = {STICKER: 19.0, IRIS: 11.7}

Ends = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Calibration:
    """The pixel size of one image on the server.

    Attributes:
        image: the ID.
        unit: of lengths on it, ``mm`` or ``px``.
        spacing: length of a pixel along (x, y) in ``unit``.
        source: where that is known from, as the server says it.
        file_spacing: what the file says, in mm along (x, y); None if it says nothing.
        how: how a person knows it, e.g. ``line``; empty if nobody stated anything.
        length_mm: of the line; None if none was drawn.
        line: its ends in pixels (x, y).
        annotator, when: who stated it, and when, as ISO 8601.
    """

    image: str
    unit: str = "px"
    spacing: tuple[float, float] = (1.0, 1.0)
    source: str = ""
    file_spacing: tuple[float, float] | None = None
    how: str = ""
    length_mm: float | None = None
    line: Ends | None = None
    annotator: str = ""
    when: str = ""

    @classmethod
    def from_dict(cls, document: Any) -> Calibration:
        """Reads the answer of ``/datastore/image/calibration``; BadAnswer where a field has the wrong type."""
        entry = as_object(document, "The calibration")
        stated = as_object(entry.get("stated") or {}, "The stated calibration")
        line, own = stated.get("line"), entry.get("file_spacing")
        return cls(
            as_text(entry.get("image"), "The calibration's image"),
            as_text(entry.get("unit"), "The calibration's unit"),
            _pair(entry.get("spacing"), "The calibration's spacing"),
            as_text(entry.get("spacing_source") or "", "The calibration's source"),
            None if own is None else _pair(own, "The file's spacing"),
            as_text(stated.get("how") or "", "The stated calibration"),
            number_or_none(stated.get("length_mm"), "The stated length"),
            None if line is None else _ends(line),
            str(stated.get("annotator") or ""),
            str(stated.get("when") or ""),
        )


def read_length(text: str) -> float:
    """A length in millimetres as a person types it, with a point or a comma.

    Raises:
        BadAnswer: it is no number above 0.
    """
    try:
        length = float(text.strip().replace(",", "."))
    except ValueError:
        length = math.nan
    if not (math.isfinite(length) and length > 0):
        said = text.strip()[:30] or _("nothing")
        raise BadAnswer(_("The length should be a number of millimetres above 0, not {said}.").format(said=said))
    return length


def pixel_length(line: Ends) -> float:
    """Length of a line in pixels."""
    return math.dist(*line)


def _pair(value: Any, where: str) -> tuple[float, float]:
    values = [as_number(item, where) for item in as_list(value, where)]
    if len(values) != 2 or min(values) <= 0:
        raise BadAnswer(_("{where} should be two lengths, not {value}.").format(where=where, value=str(value)[:60]))
    return values[0], values[1]


def _ends(value: Any) -> Ends:
    ends = [as_list(end, "The stated line") for end in as_list(value, "The stated line")]
    numbers = [as_number(item, "The stated line") for end in ends for item in end]
    if len(ends) != 2 or len(numbers) != 4:
        raise BadAnswer(_("The stated line should have two ends (x, y), not {value}.").format(value=str(value)[:60]))
    return (numbers[0], numbers[1]), (numbers[2], numbers[3])
