"""The works that the server does not have."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Union

from ..words import tr as _
from .question import KEEP, SHOW, Question
from .records import Unsent, WorkRecord
from .work import Work

AnyWork = Union[Work, WorkRecord]


def on_one_image(one: AnyWork, other: AnyWork, by_reader: bool) -> bool:
    """Whether two works are on one image of one server, by the same landmarks and, where it counts, reader.

    Images of two servers may have the same name, and one of another size is another image.
    """
    origins = [(one.server, other.server), (str(one.geometry.size or ""), str(other.geometry.size or ""))]
    if by_reader:
        origins.append((one.reader.casefold(), other.reader.casefold()))
    same = (one.image, one.task.digest) == (other.image, other.task.digest)
    return same and all(a == b or "" in (a, b) for a, b in origins)


class UnsentWorks:
    """Works that were left, or whose sending failed.

    At most one of an image is the one that its open work goes on with. Any other was set aside, as where an earlier
    version of the label was opened: it waits until its image is opened without the former one.

    Args:
        same: whether two works are on the same image.
    """

    def __init__(self, same: Callable[[AnyWork, AnyWork], bool]) -> None:
        self._same = same
        self.items: tuple[Unsent, ...] = ()

    def of(self, work: AnyWork) -> Unsent | None:
        """What a work goes on with: that with its very points, else that on its image that was not set aside."""
        items = self._on_the_image_of(work)
        alike = [item for item in items if item.record.points == work.points]
        return next((item for item in (*alike, *items) if not item.aside or item in alike), None)

    def keep(self, unsent: Unsent) -> None:
        """Adds a work in the place of what it goes on with."""
        replaced = self.of(unsent.record)
        if replaced is not None and unsent.aside and replaced.record.points != unsent.record.points:
            replaced = None
        self.items = (*(item for item in self.items if item is not replaced), unsent)

    def forget(self, work: AnyWork) -> None:
        """Drops what a work goes on with."""
        found = self.of(work)
        self.items = tuple(item for item in self.items if item is not found)

    def move(self, names: Collection[str], server: str) -> None:
        """Makes what came from some addresses come from another one of their server."""
        self.items = tuple(
            replace(item, record=replace(item.record, server=server)) if item.record.server in names else item
            for item in self.items
        )

    def set_aside(self, work: AnyWork) -> None:
        """Sets aside all that lies on the image of a work, which does not go on with it."""
        self.items = tuple(replace(i, aside=True) if self._same(i.record, work) else i for i in self.items)

    def question_before_opening(self, work: AnyWork) -> Question | None:
        """The question where what an image opens with was placed on another image, which this one has replaced."""
        found = self._first(work)
        if found is None or not work.geometry.is_of_another(found.record.geometry.revision):
            return None
        sentence = _("{image} was replaced after its unsent points were placed. Show them on the image as it is now?")
        return Question(sentence.format(image=work.image), choices=(KEEP, SHOW))

    def take_up(self, work: AnyWork) -> Unsent | None:
        """What the image of a work opens with, on the image as it is now; it is not set aside any more."""
        found = self._first(work)
        if found is None:
            return None
        record = replace(found.record.on(work.geometry), server=work.server, reader=work.reader)
        taken = replace(found, record=record, aside=False)
        self.items = tuple(taken if item is found else item for item in self.items)
        return taken

    def _first(self, work: AnyWork) -> Unsent | None:
        """What the image of a work opens with."""
        items = self._on_the_image_of(work)
        return next((item for item in items if not item.aside), items[0] if items else None)

    def _on_the_image_of(self, work: AnyWork) -> list[Unsent]:
        return [item for item in self.items if self._same(item.record, work)]
