"""JSON from the server or a file, checked field by field, and the JSON text that the module keeps in a scene."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..errors import BadAnswer
from ..words import tr as _

#: LPS millimetres in the placement frame of the image.
Position = tuple[float, float, float]


def as_object(value: Any, where: str) -> dict[str, Any]:
    """The value, which must be a JSON object.

    Raises:
        BadAnswer: anything else; as all functions here.
    """
    if not isinstance(value, dict):
        raise BadAnswer(_("{where} should be a JSON object, not {value}.").format(where=where, value=_short(value)))
    return value


def as_list(value: Any, where: str) -> list[Any]:
    """The value, which must be a JSON list."""
    if not isinstance(value, (list, tuple)):
        raise BadAnswer(_("{where} should be a list, not {value}.").format(where=where, value=_short(value)))
    return list(value)


def as_text(value: Any, where: str) -> str:
    """The value, which must be text."""
    if not isinstance(value, str):
        raise BadAnswer(_("{where} should be text, not {value}.").format(where=where, value=_short(value)))
    return value


def as_number(value: Any, where: str) -> float:
    """The value, which must be a finite number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise BadAnswer(_("{where} should be a finite number, not {value}.").format(where=where, value=_short(value)))


def number_or_none(value: Any, where: str) -> float | None:
    """The value, which must be a finite number or null."""
    return None if value is None else as_number(value, where)


def as_position(value: Any, where: str) -> Position:
    """The value, which must be three finite numbers."""
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise BadAnswer(_("{where} should be three numbers, not {value}.").format(where=where, value=_short(value)))
    left, posterior, superior = (as_number(item, where) for item in value)
    return left, posterior, superior


def position_or_none(value: Any, where: str) -> Position | None:
    """The value, which must be three finite numbers or null."""
    return None if value is None else as_position(value, where)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_FORMAT = 1


def to_scene_text(fields: Mapping[str, Any]) -> str:
    """One line of ASCII text.

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps({"format": _FORMAT, **fields}, allow_nan=False)


def from_scene_text(text: str, where: str) -> dict[str, Any]:
    """Reads the text of :func:`to_scene_text`.

    Args:
        text: from the scene.
        where: what a message calls it.

    Raises:
        BadAnswer: the text is damaged, or of another version of the module.
    """
    try:
        fields = as_object(json.loads(text), where)
    except (ValueError, RecursionError):
        raise BadAnswer(_("The scene's saved landmark work is damaged: it is not JSON.")) from None
    if fields.get("format") != _FORMAT:
        raise BadAnswer(_("The scene's landmark work was saved by another version of the module: use that version."))
    return fields
