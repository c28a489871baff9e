"""Offers of images: an image offered to one person is reserved for a while."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from monai_ext.studies import ImageEntry, drafts, finished_by, has, is_same, known_image, reader_key, reader_of

from .datastore import LandmarkDatastore

#: Who offered an image is noted in its info under this key, by strategy.
NOTE = "strategy"
#: With several readers the last offer to each of them is noted under this key.
OFFERS = "offers"
#: Default duration of an offer.
MINUTES = 30.0


class Offer(NamedTuple):
    """The last offer of an image: to whom, and when in seconds since 1970."""

    client: str
    time: float


class Choice(NamedTuple):
    """The images that a strategy chooses among.

    Attributes:
        images: their IDs, sorted; all equally free for the client.
        taken: the other images without a final label that a person works on, including the client's own.
        again: whether they were offered to this client before, or begun by it, as nothing else is free.
    """

    images: list[str]
    taken: list[str]
    again: bool


class Offers:
    """Keeps an image that was offered to one client from the others, until its time is over or it is labelled.

    The same client that asks again gets another image; what it was offered stays its own. Where nothing else is left
    it gets its own images again, the one it has not seen for longest first, those with a draft last. A draft that
    somebody else saved keeps its image for that person, however old it is. In a study with several readers an image
    is kept from others once so many have it, or have labelled it.

    Args:
        minutes: how long an offer is kept.
        clock: gives seconds since 1970.
    """

    def __init__(self, minutes: float = MINUTES, clock: Callable[[], float] = time.time) -> None:
        self._lock = threading.Lock()
        self._seconds, self._clock = minutes * 60, clock
        self._held: float | None = None

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Chooses an image and notes its offer, or tells why there is none, as at one time and for one client at once.

        No two clients get the same image, and no offer ends between the choice and its explanation.
        """
        with self._lock:
            self._held = self._clock()
            try:
                yield
            finally:
                self._held = None

    def _now(self) -> float:
        return self._clock() if self._held is None else self._held

    def choice(self, datastore: LandmarkDatastore, client: str) -> Choice:
        """Returns what a client may be offered now; no image where all are labelled or in other hands."""
        free: list[str] = []
        own: list[tuple[bool, float, str]] = []
        taken: list[str] = []
        for image, entry in _waiting(datastore, client).items():
            offered, drafters = self._running(entry, datastore.readers), _drafters(entry, datastore.readers)
            begun = any(owner is None or is_same(owner, client) for owner in drafters)
            if _is_full(entry, datastore.readers, client, [*(offer.client for offer in offered), *drafters]):
                taken.append(image)
            elif begun or any(is_same(offer.client, client) for offer in offered):
                taken.append(image)
                own.append((begun, _last_time(entry, datastore.readers, client), image))
            else:
                free.append(image)
        if free or not own:
            return Choice(sorted(free), taken, False)
        longest_ago = min(own)[:2]
        images = sorted(image for *rank, image in own if tuple(rank) == longest_ago)
        return Choice(images, [image for image in taken if image not in images], True)

    def note(self, datastore: LandmarkDatastore, image: str, strategy: str, client: str) -> dict[str, Any]:
        """Notes that an image was offered; returns the notes of all strategies on it.

        Raises:
            NotFoundError: the image was deleted meanwhile.
        """
        entry, now = known_image(datastore.objects, image), round(self._now(), 3)
        info = {NOTE: {**_notes(entry), strategy: {"ts": now, "client_id": client}}}
        if datastore.readers > 1:  # a strategy's note contains its last offer only
            others = [offer for offer in self._running(entry, datastore.readers) if not is_same(offer.client, client)]
            info[OFFERS] = {offer.client: offer.time for offer in others} | {client: now}
        datastore.update_image_info(image, info)
        return info[NOTE]

    def why_none(self, datastore: LandmarkDatastore, client: str) -> str:
        """Tells why a client is offered nothing, in one sentence."""
        images, left = len(datastore.objects), _waiting(datastore, client)
        several = datastore.readers > 1
        if not images:
            return "The studies folder has no images yet."
        if not left:
            by_whom = f", by you or by their {datastore.readers} readers" if several else ""
            return f"All {images} images are labelled{by_whom}."
        drafts = {image: _drafters(entry, datastore.readers) for image, entry in left.items()}
        begun = {i for i, names in drafts.items() if any(name is None or not is_same(name, client) for name in names)}
        running = [self._running(entry, datastore.readers) for image, entry in left.items() if image not in begun]
        others = [[offer for offer in offers if not is_same(offer.client, client)] for offers in running]
        ends = [max(offer.time for offer in offers) + self._seconds - self._now() for offers in others if offers]
        parts = []
        if ends:
            minutes = math.ceil(max(ends) / 60)
            parts.append(f"{len(ends)} offered to others, free again in {_count(minutes, 'minute')} at the latest")
        if len(left) > len(ends):
            parts.append(f"{len(left) - len(ends)} with a draft of another person, to be finished or deleted")
        whose = "a label of yours" if several else "a label"
        return f"The last {_count(len(left), 'image')} without {whose} are in other hands: {'; '.join(parts)}."

    def _running(self, entry: ImageEntry, readers: int) -> list[Offer]:
        """The offers of an image whose time is not over; a clock that was set back ends them too.

        With one reader only the last offer counts.
        """
        if readers == 1:
            last = last_offer(entry)
            offers = [] if last is None else [last]
        else:
            offers = _offers(entry)
        return [offer for offer in offers if abs(self._now() - offer.time) < self._seconds]


def last_offer(entry: ImageEntry) -> Offer | None:
    """The last time that an image was offered; None for never, or if the notes contain no name."""
    found = [
        Offer(note["client_id"], float(note["ts"]))
        for note in _notes(entry).values()
        if isinstance(note, dict) and isinstance(note.get("client_id"), str) and isinstance(note.get("ts"), int | float)
    ]
    return max(found, key=lambda offer: offer.time, default=None)


def _offers(entry: ImageEntry) -> list[Offer]:
    """The last offer of an image to each of its readers."""
    notes = entry.image.info.get(OFFERS)
    notes = notes if isinstance(notes, dict) else {}
    return [Offer(str(client), float(time)) for client, time in notes.items() if isinstance(time, int | float)]


def _last_time(entry: ImageEntry, readers: int, client: str) -> float:
    """Time at which an image was last offered to a client, in seconds since 1970; 0 for never."""
    if readers == 1:
        last = last_offer(entry)
        return 0.0 if last is None else last.time
    return max((offer.time for offer in _offers(entry) if is_same(offer.client, client)), default=0.0)


def _waiting(datastore: LandmarkDatastore, client: str) -> dict[str, ImageEntry]:
    """The images that wait for a label of a client: with several readers also those that others have labelled."""
    if datastore.readers == 1:
        return {image: entry for image, entry in datastore.objects.items() if "final" not in entry.labels}
    return {
        image: entry
        for image, entry in datastore.objects.items()
        if len(done := finished_by(entry)) < datastore.readers and not has(done, client)
    }


def _is_full(entry: ImageEntry, readers: int, client: str, working: list[str | None]) -> bool:
    """Returns whether an image is in the hands of as many others as it has readers."""
    done = finished_by(entry) if readers > 1 else []
    keys = {reader_key(name) for name in [*done, *working] if name is not None}
    return len(keys - {reader_key(client)}) >= readers


def _drafters(entry: ImageEntry, readers: int) -> list[str | None]:
    """Returns who saved the drafts of an image; None if unknown."""
    if readers == 1:
        return [_drafter(entry)] if "draft" in entry.labels else []
    return [name for label in drafts(entry).values() if (name := reader_of(label.info))]


def _drafter(entry: ImageEntry) -> str | None:
    """Returns who saved the draft of an image; None if there is none, or it is unknown."""
    info: Mapping[str, Any] = entry.labels["draft"].info if "draft" in entry.labels else {}
    names = (info.get(name) for name in ("annotator", "client_id", "user"))
    return next((str(name) for name in names if name), None)


def _notes(entry: ImageEntry) -> dict[str, Any]:
    notes = entry.image.info.get(NOTE)
    return notes if isinstance(notes, dict) else {}


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


_AGAIN = "No other image is free: this one was offered to you before, or you began it."


def client_of(request: dict[str, Any]) -> str:
    """Returns who asks; all who do not say it are one."""
    return str(request.get("client_id") or "")


def reply(image: str, choice: Choice, note: str = "", **told: Any) -> dict[str, Any]:
    """The answer that offers an image.

    Args:
        image: its ID.
        choice: what it was chosen from.
        note: what a person should know of the choice.
        told: details for programs.
    """
    sentences = " ".join(sentence for sentence in (_AGAIN if choice.again else "", note) if sentence)
    return {"id": image, **told, **({"note": sentences} if sentences else {})}
