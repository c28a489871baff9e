"""Elements of DICOM JSON by strangers: what is not as the standard has it counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def items(answer: Any, tag: str) -> list[Mapping[str, Any]]:
    """The items of a sequence in DICOM JSON."""
    element = answer.get(tag) if isinstance(answer, Mapping) else None
    found = element.get("Value") if isinstance(element, Mapping) else None
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def value(item: Mapping[str, Any], tag: str) -> Any:
    """The first value of an element in DICOM JSON; None where it has none."""
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    return values[0] if isinstance(values, list) and values else None
