"""The notes on images and labels: which ones can be stored."""

from __future__ import annotations

import json
from typing import Any

from monai_ext.landmarks import InputError

_MAX_DEPTH = 20


def check_info(info: Any) -> dict[str, Any]:
    """A dictionary of notes on an image or label, when it survives being written to and read from the index.

    Raises:
        InputError: not a JSON object, too deep, a number that is not finite, or text that is not Unicode.
    """
    if not isinstance(info, dict):
        raise InputError(f"The info of an image or label is a JSON object, not {type(info).__name__}.")
    if _depth(info) > _MAX_DEPTH:
        raise InputError(f"The info of an image or label is nested more than {_MAX_DEPTH} deep; flatten it.")
    try:
        json.dumps(info, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise InputError(f"The info of an image or label cannot be stored as JSON: {error}.") from None
    return info


def _depth(value: Any) -> int:
    """How deep lists and dictionaries are nested; level by level, so that no depth exhausts the stack."""
    depth, level = 0, [value]
    while level and depth <= _MAX_DEPTH:
        inner = [v.values() if isinstance(v, dict) else v for v in level if isinstance(v, dict | list | tuple)]
        level = [item for items in inner for item in items]
        depth += bool(inner)
    return depth
