"""What is noted in a label's info of its review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai_ext.active.review import FEWEST_LABELS, REVIEWED, Flag

NOTE = "review"


def review_note(flags: Sequence[Flag], model_version: str | None, labels: int) -> dict[str, Any]:
    """The note.

    Args:
        flags: what was found; none where the label is plausible.
        model_version: of the model that the label was set against, None where there was none.
        labels: how many other labels it was set against.
    """
    return {"model_version": model_version, "labels": labels, "flags": [flag.to_dict() for flag in flags]}


def note_of(info: Mapping[str, Any]) -> dict[str, Any] | None:
    """The note in a label's info; None where the label as it is was not reviewed."""
    note = info.get(NOTE)
    return note if isinstance(note, dict) and isinstance(note.get("labels"), int) else None


def is_confirmed(info: Mapping[str, Any]) -> bool:
    """Whether a person looked at the flags of a label and stands by it."""
    return info.get(REVIEWED) is True


def flags_of(info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``{"kind", "landmarks", "sentence", "size"}`` of each flag of a label; none of a confirmed one."""
    note = note_of(info)
    flags = note.get("flags") if note is not None and not is_confirmed(info) else None
    if not isinstance(flags, list):
        return []
    told = ("kind", "landmarks", "sentence", "size")
    return [{name: flag.get(name) for name in told} for flag in flags if isinstance(flag, dict)]


def has_outgrown(labels: int, noted: int) -> bool:
    """Whether there are so many more labels than at a review that their orders tell more."""
    enough = FEWEST_LABELS - 1  # beside the one that is reviewed
    return labels >= enough and (noted < enough or labels >= 2 * noted)
