"""The images of the server's studies folder with the state of their labels, and what these were before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .json_fields import as_list, as_object, as_text, number_or_none

UNLABELED, DRAFT, FINAL = "unlabeled", "draft", "final"
#: In the order of work: what nobody began, what somebody began, what is done.
STATES = (UNLABELED, DRAFT, FINAL)


@dataclass(frozen=True)
class LabelInfo:
    """Properties of one label of an image.

    Attributes:
        tag: ``final``, ``draft`` or ``original`` (what a network proposed).
        protocol: the task that it belongs to; empty for a file placed by hand that nobody asked about yet.
        model_version: of the network that proposed it; None if it was placed by hand or is unknown.
        annotator: who saved it.
        updated: when, in seconds since 1970; None if nobody noted it.
    """

    tag: str
    protocol: str = ""
    model_version: str | None = None
    annotator: str = ""
    updated: float | None = None


@dataclass(frozen=True)
class ImageEntry:
    """One image.

    Attributes:
        id: what requests call it.
        state: ``unlabeled``, ``draft`` or ``final``; a finished image that is being changed again counts as final.
        file_name: with its original extension.
        labels: by tag.
        flags: why the final label is worth a second look, a sentence each.
    """

    id: str
    state: str = UNLABELED
    file_name: str = ""
    labels: Mapping[str, LabelInfo] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def open_tag(self) -> str | None:
        """Tag of the label that opens with the image: the draft, else the final one; None without a label."""
        return next((tag for tag in (DRAFT, FINAL) if tag in self.labels), None)

    @property
    def label(self) -> LabelInfo | None:
        tag = self.open_tag
        return None if tag is None else self.labels[tag]

    @property
    def protocol(self) -> str:
        return self.label.protocol if self.label is not None else ""

    @classmethod
    def from_dict(cls, document: Any) -> ImageEntry:
        """Raises BadAnswer where a field has the wrong type."""
        entry = as_object(document, "An image of the list")
        name = as_text(entry.get("id"), "An image's id")
        labels = as_object(entry.get("labels", {}), f"The labels of {name}")
        return cls(
            id=name,
            state=as_text(entry.get("state", UNLABELED), f"The state of {name}"),
            file_name=as_text(entry.get("file", ""), f"The file of {name}"),
            labels={tag: _label(tag, item, name) for tag, item in labels.items()},
            flags=tuple(_flag(item, name) for item in as_list(entry.get("flags", []), f"The flags of {name}")),
        )


@dataclass(frozen=True)
class ImageList:
    """The images in the server's order, which is by ID.

    Attributes:
        entries: all images, or those of one search.
        counts: how many images of the whole studies folder are in each state.
    """

    entries: tuple[ImageEntry, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[ImageEntry]:
        return iter(self.entries)

    def get(self, image: str) -> ImageEntry | None:
        return next((entry for entry in self.entries if entry.id == image), None)

    def with_label(self, image: str, tag: str, info: Mapping[str, Any]) -> ImageList:
        """The list after a label was saved, with the server's record of it; a final label ends the draft."""
        old = self.get(image)
        if old is None:
            return self
        labels = {name: label for name, label in old.labels.items() if not (tag == FINAL and name == DRAFT)}
        notes = {"protocol": info.get("protocol"), "model_version": info.get("model_version")}
        notes["annotator"] = info.get("annotator") or info.get("user")
        labels[tag] = _label(tag, notes, image)
        flags = () if tag == FINAL else old.flags  # the server looks at the new label when it is saved
        state = FINAL if FINAL in labels else DRAFT if DRAFT in labels else UNLABELED
        new = replace(old, labels=labels, state=state, flags=flags)
        counts = dict(self.counts)
        if counts:
            counts[old.state] = max(counts.get(old.state, 0) - 1, 0)
            counts[new.state] = counts.get(new.state, 0) + 1
        return ImageList(tuple(new if entry is old else entry for entry in self.entries), counts)

    def filtered(self, search: str = "", states: Iterable[str] = STATES) -> tuple[ImageEntry, ...]:
        """The images in one of the states whose ID or file name contains every word of ``search``, in any case."""
        words, wanted = search.casefold().split(), set(states)
        return tuple(
            entry
            for entry in self.entries
            if entry.state in wanted and all(word in f"{entry.id} {entry.file_name}".casefold() for word in words)
        )


def _flag(document: Any, image: str) -> str:
    where = f"A flag of {image}"
    return as_text(as_object(document, where).get("sentence"), f"{where}: sentence")


def _label(tag: str, document: Any, image: str) -> LabelInfo:
    entry: dict[str, Any] = as_object(document, f"The {tag} label of {image}")
    version = entry.get("model_version")
    return LabelInfo(
        tag=tag,
        protocol=str(entry.get("protocol") or ""),
        model_version=None if version is None else str(version),
        annotator=str(entry.get("annotator") or ""),
        updated=number_or_none(entry.get("updated"), f"The time of the {tag} label of {image}"),
    )


@dataclass(frozen=True)
class LabelVersion:
    """A label as it was.

    Attributes:
        tag: ``final`` or ``draft``.
        version: what the server calls it.
        ended: when it was replaced or deleted, as ISO 8601 in UTC; text of this form sorts by time.
        reason: ``replaced`` or ``deleted``.
        saved: when it was saved, in seconds since 1970; None if nobody noted it.
        user: who saved it; empty if unknown.
        protocol: whose landmarks it has; empty if unknown.
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
            _version_text(entry, "reason"),
            number_or_none(entry.get("saved"), "The time of a version"),
            _version_text(entry, "user"),
            _version_text(entry, "protocol"),
            _version_text(entry, "model_version"),
        )

    @property
    def when(self) -> str:
        """Local time of saving; UTC time of replacement where only that is known."""
        if self.saved is None:
            return self.ended[:16].replace("T", " ")
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.saved))


def _version_text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return "" if value is None else as_text(value, f"The {name} of a version")
