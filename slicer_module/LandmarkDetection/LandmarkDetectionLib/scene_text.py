"""The text that the module keeps in a scene: JSON with the version of its form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import BadAnswer
from .json_fields import as_object
from .words import tr as _

_FORMAT = 1


def to_scene_text(fields: Mapping[str, Any]) -> str:
    """One line of ASCII text.

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps({"format": _FORMAT, **fields}, allow_nan=False)


def from_scene_text(text: str, where: str) -> dict[str, Any]:
    """What :func:`to_scene_text` was given.

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
