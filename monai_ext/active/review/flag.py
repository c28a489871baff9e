"""What makes a label worth a second look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

#: ``far``: farther from the model's point than its radius explains. ``swapped``: two partners are exchanged.
#: ``order``: two landmarks lie the other way round than in other labels. ``missing``: the model is sure of the opposite
#: of what the label says of a landmark's presence.
Kind = Literal["swapped", "far", "order", "missing"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Flag:
    """One reason to look at a label again; it says nothing of who is right.

    Attributes:
        kind: the rule that was broken.
        landmarks: which ones it is about.
        sentence: for a person: what, how far, in which unit.
        size: how clear it is, without a unit; 1 is just worth telling.
    """

    kind: Kind
    landmarks: tuple[str, ...]
    sentence: str
    size: float

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON."""
        return {
            "kind": self.kind,
            "landmarks": list(self.landmarks),
            "sentence": self.sentence,
            "size": round(self.size, 4),
        }


def severity(flags: list[Flag]) -> float:
    """How much a label needs a look: the size of its clearest flag; 0 without flags."""
    return max((flag.size for flag in flags), default=0.0)
