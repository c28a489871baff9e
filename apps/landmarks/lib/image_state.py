"""What an image of the studies is to whoever asks: unlabeled, begun or done, and which of its labels they may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from monai_ext.studies import ImageEntry, LabelEntry, drafts, finished_by, has, own_tag, readings

from .quality.review_note import flags_of

State = Literal["unlabeled", "draft", "final"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class ImageView:
    """An image as one person sees it.

    Attributes:
        state: of the image.
        labels: what the person may see, by the tag that requests name; each with the tag under which it lies.
        flags: why the final label is worth a second look.
        more: what is told beyond that, in a study with several readers.
    """

    state: State
    labels: dict[str, tuple[str, LabelEntry]]
    flags: list[dict[str, Any]]
    more: dict[str, Any] = field(default_factory=dict)


def view(entry: ImageEntry, readers: int = 1, reader: str | None = None) -> ImageView:
    """An image as a reader sees it, or as somebody who names nobody.

    Args:
        entry: its record.
        readers: how many people label it, each by themselves.
        reader: the one who asks, whose own labels alone are seen; None where nobody is named.
    """
    every = {tag: (tag, label) for tag, label in entry.labels.items()}
    if readers == 1:
        return ImageView(state_of(entry), every, _flags(entry))
    done = finished_by(entry)
    told: dict[str, Any] = {"of": readers, "finished": len(done)}
    if reader is None:
        begun = bool(done or drafts(entry))
        state: State = "final" if len(done) >= readers else "draft" if begun else "unlabeled"
        final = entry.labels.get("final")
        disagreements = [] if final is None else final.info.get("disagreements", [])
        return ImageView(state, every, _flags(entry), {"readers": told, "disagreements": disagreements})
    own = {tag: own_tag(entry, tag, reader) for tag in ("final", "draft")}
    seen = {tag: (place, entry.labels[place]) for tag, place in own.items() if place is not None}
    if "original" in entry.labels:
        seen["original"] = "original", entry.labels["original"]
    full = len(done) >= readers and not has(done, reader)  # others labelled it: there is nothing left to do
    state = "final" if "final" in seen or full else "draft" if "draft" in seen else "unlabeled"
    # What is said of a label of both would tell of the other's.
    flags = _flags(entry) if "final" in seen and len(readings(entry)) == 1 else []
    return ImageView(state, seen, flags, {"readers": told})


def state_of(entry: ImageEntry) -> State:
    """``final`` counts more than ``draft``: a finished label stays valid while somebody changes it."""
    return "final" if "final" in entry.labels else "draft" if "draft" in entry.labels else "unlabeled"


def _flags(entry: ImageEntry) -> list[dict[str, Any]]:
    return flags_of(entry.labels["final"].info) if "final" in entry.labels else []
