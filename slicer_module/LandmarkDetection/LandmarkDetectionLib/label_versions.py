"""Earlier versions of a label, which the server keeps when a label is replaced or deleted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .json_fields import as_list, as_object, as_text, number_or_none


@dataclass(frozen=True)
class LabelVersion:
    """A label as it was.

    Attributes:
        tag: ``final`` or ``draft``.
        version: what the server calls it.
        ended: when it was replaced or deleted, as ISO 8601 in UTC; text of this form sorts by time.
        reason: ``replaced`` or ``deleted``.
        saved: when it was saved, in seconds since 1970; None where nobody noted it.
        user: who saved it; empty where nobody noted it.
        protocol: whose landmarks it has; empty where nobody noted it.
        model_version: the network whose proposal it began with; empty: by hand, or nobody noted it.
    """

    tag: str
    version: str
    ended: str
    reason: str = "replaced"
    saved: float | None = None
    user: str = ""
    protocol: str = ""
    model_version: str = ""

    @classmethod
    def list_from(cls, document: Any) -> tuple[LabelVersion, ...]:
        """Reads the server's answer.

        Raises:
            BadAnswer: it is not of the expected form.
        """
        answer = as_object(document, "The list of versions")
        tag = as_text(answer.get("tag"), "The tag of the versions")
        return tuple(cls._from_dict(tag, item) for item in as_list(answer.get("versions"), "The list of versions"))

    @classmethod
    def _from_dict(cls, tag: str, item: Any) -> LabelVersion:
        entry = as_object(item, "A version")
        return cls(
            tag,
            as_text(entry.get("version"), "The name of a version"),
            as_text(entry.get("time"), "The time of a version"),
            _text(entry, "reason"),
            number_or_none(entry.get("saved"), "The time of a version"),
            _text(entry, "user"),
            _text(entry, "protocol"),
            _text(entry, "model_version"),
        )

    @property
    def when(self) -> str:
        """When it was saved, in local time; when it was replaced, in UTC, where that alone is known."""
        if self.saved is None:
            return self.ended[:16].replace("T", " ")
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.saved))


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return "" if value is None else as_text(value, f"The {name} of a version")
