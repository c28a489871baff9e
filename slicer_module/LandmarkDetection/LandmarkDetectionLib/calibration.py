"""How large a pixel of an image is, where that is known from, and what a person states about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .errors import BadAnswer
from .json_fields import as_list, as_number, as_object, as_text, number_or_none
from .words import tr as _

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
        file_spacing: what the file says, in mm along (x, y); None where it says nothing.
        how: how a person knows it, e.g. ``line``; empty where nobody stated anything.
        length_mm: of the line; None where none was drawn.
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
