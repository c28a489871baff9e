"""A session as plain values: what the scene keeps of it, work that the server does not have first of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .json_fields import as_list, as_object, as_text
from .scene_text import from_scene_text, to_scene_text
from .task_definition import TaskDefinition
from .work_record import WorkRecord


@dataclass(frozen=True)
class Unsent:
    """Work that the server does not have.

    Attributes:
        record: the work.
        tag: how it was to be sent; ``draft`` where it was only left.
        reason: one sentence: why it was not sent.
        server: the address that the image came from; empty where unknown.
    """

    record: WorkRecord
    tag: str
    reason: str
    server: str = ""

    @property
    def image(self) -> str:
        """The ID of the image."""
        return self.record.image

    def belongs_to(self, image: str, task: TaskDefinition) -> bool:
        """Whether it is work on this image by this very definition."""
        return (self.image, self.record.task.digest) == (image, task.digest)


@dataclass(frozen=True)
class SessionRecord:
    """What the scene keeps. No token.

    Attributes:
        server: address of the server; empty where there was none.
        work: the open work.
        unsent: what the server does not have.
    """

    server: str
    work: WorkRecord | None
    unsent: tuple[Unsent, ...]

    def to_json(self) -> str:
        """One line of text."""
        unsent = [
            {"record": i.record.to_json(), "tag": i.tag, "reason": i.reason, "server": i.server} for i in self.unsent
        ]
        work = None if self.work is None else self.work.to_json()
        return to_scene_text({"server": self.server, "work": work, "unsent": unsent})

    @classmethod
    def from_json(cls, text: str) -> SessionRecord:
        """What :meth:`to_json` wrote.

        Raises:
            BadAnswer: the text is damaged or of another version.
        """
        entry = from_scene_text(text, "The saved session")
        work = entry.get("work")
        return cls(
            as_text(entry.get("server"), "The saved server"),
            None if work is None else WorkRecord.from_json(as_text(work, "The saved work")),
            tuple(_unsent(item) for item in as_list(entry.get("unsent"), "The saved unsent work")),
        )


def _unsent(item: Any) -> Unsent:
    entry = as_object(item, "Saved unsent work")
    record = WorkRecord.from_json(as_text(entry.get("record"), "Saved unsent work"))
    tag, reason, server = (as_text(entry.get(name), f"The saved {name}") for name in ("tag", "reason", "server"))
    return Unsent(record, tag, reason, server)
