"""Who was offered which image: what one person was given, nobody else gets for a while."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..datastore import LandmarkDatastore
from ..studies_store.entries import ImageEntry

#: Who offered an image is noted in its info under this key, by strategy.
NOTE = "strategy"
#: How long an offer is kept where nobody chose.
MINUTES = 30.0


class Offer(NamedTuple):
    """The last offer of an image: to whom, and when in seconds since 1970."""

    client: str
    time: float


class Choice(NamedTuple):
    """The images that a strategy chooses among.

    Attributes:
        images: their IDs, sorted; all equally free for the client.
        taken: the other images without a final label that somebody works on, the client's own too.
        again: whether they were offered to this client before, or begun by it, as nothing else is free.
    """

    images: list[str]
    taken: list[str]
    again: bool


class Offers:
    """Keeps an image that was offered to one client from the others, until its time is over or it is labelled.

    The same client that asks again gets another image; what it was offered stays its own. Where nothing else is left
    it gets its own images again, the one it has not seen for longest first, those with a draft last. A draft that
    somebody else saved keeps its image for that person, however old it is.

    Attributes:
        lock: held from the choice of an image until its offer is noted, so that no two clients get the same.

    Args:
        minutes: how long an offer is kept.
        clock: gives seconds since 1970.
    """

    def __init__(self, minutes: float = MINUTES, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.Lock()
        self._seconds, self._clock = minutes * 60, clock

    def choice(self, datastore: LandmarkDatastore, client: str) -> Choice:
        """What a client may be offered now; no image where all are labelled or in other hands."""
        free: list[str] = []
        own: list[tuple[bool, float, str]] = []
        taken: list[str] = []
        for image, entry in _unlabelled(datastore).items():
            offer, owner = self._running(entry), _drafter(entry)
            if offer is None and "draft" not in entry.labels:
                free.append(image)
                continue
            taken.append(image)
            if (offer is None or offer.client == client) and owner in (None, client):
                last = last_offer(entry)
                own.append(("draft" in entry.labels, 0.0 if last is None else last.time, image))
        if free or not own:
            return Choice(sorted(free), taken, False)
        longest_ago = min(own)[:2]
        images = sorted(image for *rank, image in own if tuple(rank) == longest_ago)
        return Choice(images, [image for image in taken if image not in images], True)

    def note(self, datastore: LandmarkDatastore, image: str, strategy: str, client: str) -> dict[str, Any]:
        """Notes that an image was offered; returns the notes of all strategies on it."""
        notes = {**_notes(datastore.objects[image]), strategy: {"ts": round(self._clock(), 3), "client_id": client}}
        datastore.update_image_info(image, {NOTE: notes})
        return notes

    def why_none(self, datastore: LandmarkDatastore, client: str) -> str:
        """Why a client is offered nothing, in one sentence."""
        images, left = len(datastore.objects), _unlabelled(datastore)
        if not images:
            return "The studies folder has no images yet."
        if not left:
            return f"All {images} images are labelled."
        offers = {image: offer for image, entry in left.items() if (offer := self._running(entry)) is not None}
        ends = [offer.time + self._seconds - self._clock() for offer in offers.values() if offer.client != client]
        parts = []
        if ends:
            minutes = math.ceil(max(ends) / 60)
            parts.append(f"{len(ends)} offered to others, free again in {_count(minutes, 'minute')} at the latest")
        if len(left) > len(ends):
            parts.append(f"{len(left) - len(ends)} with a draft of somebody else, who is to finish or delete it")
        return f"The last {_count(len(left), 'image')} without a label are in other hands: {'; '.join(parts)}."

    def _running(self, entry: ImageEntry) -> Offer | None:
        """The last offer of an image, where its time is not over; a clock that was set back ends it too."""
        offer = last_offer(entry)
        return offer if offer is not None and abs(self._clock() - offer.time) < self._seconds else None


def last_offer(entry: ImageEntry) -> Offer | None:
    """The last time that an image was offered; None for never, or where the notes tell nobody's name."""
    found = [
        Offer(note["client_id"], float(note["ts"]))
        for note in _notes(entry).values()
        if isinstance(note, dict) and isinstance(note.get("client_id"), str) and isinstance(note.get("ts"), int | float)
    ]
    return max(found, key=lambda offer: offer.time, default=None)


def _unlabelled(datastore: LandmarkDatastore) -> dict[str, ImageEntry]:
    return {image: entry for image, entry in datastore.objects.items() if "final" not in entry.labels}


def _drafter(entry: ImageEntry) -> str | None:
    """Who saved the draft of an image; None where there is none, or nobody noted it."""
    info: Mapping[str, Any] = entry.labels["draft"].info if "draft" in entry.labels else {}
    names = (info.get(name) for name in ("annotator", "client_id", "user"))
    return next((str(name) for name in names if name), None)


def _notes(entry: ImageEntry) -> dict[str, Any]:
    notes = entry.image.info.get(NOTE)
    return notes if isinstance(notes, dict) else {}


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
