"""The images of the studies folder as a client lists them: with their state and the labels that they may see."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from monai_ext.landmarks import InputError, Protocol
from monai_ext.studies import ImageEntry, LabelEntry, drafts, finished_by, has, own_tag, readings

from .datastore import LandmarkDatastore
from .quality.review_note import flags_of
from .served_labels import fitting_protocol

State = Literal["unlabeled", "draft", "final"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class ImageView:
    """An image as one person sees it.

    Attributes:
        state: of the image.
        labels: what the person may see, by the tag that requests name; each with the tag under which it lies.
        flags: why the final label is worth a second look.
        more: further fields in a study with several readers.
    """

    state: State
    labels: dict[str, tuple[str, LabelEntry]]
    flags: list[dict[str, Any]]
    more: dict[str, Any] = field(default_factory=dict)


def view(entry: ImageEntry, readers: int = 1, reader: str | None = None) -> ImageView:
    """An image as a reader sees it, or as a client without a name.

    Args:
        entry: its record.
        readers: how many people label it, each by themselves.
        reader: the one who asks, who sees only their own labels; None if not named.
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


class ImageListing:
    """Lists images; safe to use from many threads.

    Args:
        datastore: the studies folder.
        protocols: the served ones, to tell whose label a file is that was placed by hand.
    """

    def __init__(self, datastore: LandmarkDatastore, protocols: Mapping[str, Protocol]) -> None:
        self._datastore, self._protocols = datastore, protocols
        self._lock = threading.Lock()
        self._by_hand: dict[Path, tuple[int, int, str | None]] = {}

    def page(
        self,
        search: str = "",
        state: State | None = None,
        offset: int = 0,
        limit: int = 1000,
        flagged: bool | None = None,
        reader: str | None = None,
    ) -> dict[str, Any]:
        """One page of the images that fit, by ID.

        Args:
            search: words, each of which the file name must hold, in any case.
            state: only images in it.
            offset: how many to pass over.
            limit: how many to list.
            flagged: only images whose final label is worth a second look, or only the others.
            reader: in a study with several readers, whose images and labels these are; None: everybody's.

        Returns:
            ``total`` images there are, how many are in each of the ``states``, how many are ``flagged``, how many were
            ``found``, and of these the ``images`` of the page.
        """
        words = search.casefold().split()
        objects = self._datastore.objects
        views = {image: view(entry, self._datastore.readers, reader) for image, entry in sorted(objects.items())}
        states = {image: seen.state for image, seen in views.items()}
        doubtful = {image for image, seen in views.items() if seen.flags}
        found = [
            image
            for image, its_state in states.items()
            if state in (None, its_state)
            and flagged in (None, image in doubtful)
            and all(word in _file_name(image, objects[image]).casefold() for word in words)
        ]
        return {
            "total": len(states),
            "states": {name: sum(s == name for s in states.values()) for name in STATES},
            "flagged": len(doubtful),
            "found": len(found),
            "images": [self._describe(image, objects[image], views[image]) for image in found[offset : offset + limit]],
        }

    def _describe(self, image: str, entry: ImageEntry, seen: ImageView) -> dict[str, Any]:
        name = _file_name(image, entry)
        labels = {tag: self._describe_label(image, place, label) for tag, (place, label) in seen.labels.items()}
        return {
            "id": image,
            "state": seen.state,
            "file": name,
            "size": _size(self._datastore.folder / name),
            "labels": labels,
            "flags": seen.flags,
            **seen.more,
        }

    def _describe_label(self, image: str, tag: str, label: LabelEntry) -> dict[str, Any]:
        info = label.info
        return {
            "protocol": info.get("protocol") or info.get("model") or self._protocol_by_hand(image, tag),
            "model_version": info.get("model_version"),
            "annotator": info.get("annotator") or info.get("user"),
            "updated": info.get("ts"),
        }

    def _protocol_by_hand(self, image: str, tag: str) -> str | None:
        """The protocol that fits the names in a label file; None if none does, or several do."""
        try:
            path = Path(self._datastore.get_label_uri(image, tag))
            stat = path.stat()
        except (OSError, InputError):
            return None
        with self._lock:
            known = self._by_hand.get(path)
        if known is not None and known[:2] == (stat.st_mtime_ns, stat.st_size):
            return known[2]
        name = fitting_protocol(path, self._protocols)
        with self._lock:
            self._by_hand[path] = (stat.st_mtime_ns, stat.st_size, name)
        return name


def _file_name(image: str, entry: ImageEntry) -> str:
    return f"{image}{entry.image.ext}"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:  # gone since the folder was looked at
        return None
