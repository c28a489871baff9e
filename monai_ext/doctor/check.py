"""Result of one check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]
OK: State = "ok"
#: It works, but not as well or as safely as it could.
WARNING: State = "warning"
#: Something does not work until a person repairs it.
PROBLEM: State = "problem"


@dataclass(frozen=True)
class Check:
    """The answer of one check.

    Attributes:
        name: what was looked at.
        state: ``ok``, ``warning`` or ``problem``.
        found: what was found, in plain words with its values.
        advice: what to do; empty if nothing has to be done.
    """

    name: str
    state: State
    found: str
    advice: str = ""


def line(check: Check) -> str:
    """A check as plain text on one line."""
    advice = f" -> {check.advice}" if check.advice else ""
    return f"{check.state:<8} {check.name}: {check.found}{advice}"


def listed(items: Iterable[str], most: int = 3) -> str:
    """The first items, and how many more there are."""
    items = list(items)
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def sentences(items: Iterable[str], most: int = 3) -> str:
    """The first sentences on one line, and how many more there are."""
    items = [item.rstrip(".") for item in items]
    more = len(items) - most
    return "; ".join(items[:most]) + (f"; and {more} more" if more > 0 else "")


def count(number: int, thing: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
