"""Origin of a final label, which its later corrections keep.

A label's info contains the version of the model that proposed it and how far a person moved its points:
``model_version`` (null: placed by hand), ``displacement``, ``unit`` and ``ts``. When the label is replaced, the new
info carries these four of the first submission under ``first_submission``. Only the first one shows how a model does on
an image that is new to it: whatever comes later may have learned from that label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIRST_SUBMISSION = "first_submission"
_NOTED = ("model_version", "displacement", "unit", "ts")


def first_submission(info: Mapping[str, Any]) -> dict[str, Any]:
    """Of a final label's info, what was noted when the label was submitted for the first time."""
    first = info.get(FIRST_SUBMISSION)
    return {name: (first if isinstance(first, Mapping) else info).get(name) for name in _NOTED}


def with_first_submission(info: Mapping[str, Any], replaced: Mapping[str, Any] | None) -> dict[str, Any]:
    """The info to store with a final label.

    Args:
        info: of the label itself.
        replaced: of the final label that it replaces; None if there is none.
    """
    if replaced is None:
        return dict(info)
    return {**info, FIRST_SUBMISSION: first_submission(replaced)}
