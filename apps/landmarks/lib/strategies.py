"""Strategies that choose the image to label next."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.strategy import Strategy

from monai_ext.active import USES_FEATURES, USES_SCORES, Candidates, select
from monai_ext.landmarks import FloatArray, InputError

from .datastore import LandmarkDatastore
from .offers import NOTE, Choice, Offers, client_of, reply
from .pool import ImagePool, ScoreTable
from .scoring import checked_protocol
from .served_labels import FinalLabels
from .served_model import ServedModel


class First(Strategy):
    """Offers the first image in the order of the IDs that is free for the client.

    Args:
        offers: what was offered to whom; none by default.
    """

    def __init__(self, offers: Offers | None = None) -> None:
        super().__init__("The first image without a label, by ID")
        self._offers = offers or Offers()

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any] | None:
        choice = self._offers.choice(datastore, client_of(request))
        return reply(choice.images[0], choice) if choice.images else None


class Random(Strategy):
    """Draws a free image with a probability that grows with the seconds since it was last offered.

    Args:
        offers: what was offered to whom; none by default.
    """

    def __init__(self, offers: Offers | None = None) -> None:
        super().__init__("A random image without a label")
        self._offers = offers or Offers()
        self._random = random.Random()

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any] | None:
        choice = self._offers.choice(datastore, client_of(request))
        if not choice.images:
            return None
        now = time.time()
        weights = [max(1.0, now - _last_offered(datastore, image)) for image in choice.images]
        chosen = self._random.choices(range(len(weights)), weights=weights)[0]
        return reply(choice.images[chosen], choice, weight=weights[chosen])


def _last_offered(datastore: LandmarkDatastore, image: str) -> float:
    """Time at which the image was last offered, in seconds since 1970; 0 for never or an invalid note."""
    offers = datastore.objects[image].image.info.get(NOTE, {})
    notes = offers.values() if isinstance(offers, dict) else ()
    times = [note.get("ts") for note in notes if isinstance(note, dict)]
    return max((t for t in times if isinstance(t, int | float)), default=0)


#: What each strategy is for, in words for a person.
DESCRIPTIONS = {
    "uncertainty": "The image that the network is least sure of",
    "diversity": "The image that looks least like those that are labelled",
    "hybrid": "An image that the network is unsure of and that looks unlike those that are labelled",
}


class Scored(Strategy):
    """Offers the best image by the scores and features that the background worker has found out so far.

    It never waits for them: while some are missing it chooses among the others, and while all are it offers the first
    image by ID; the answer says so.

    Args:
        name: uncertainty, diversity or hybrid.
        pool: what the models say of the images.
        models: the served models by protocol.
        finals: tells the labels of each protocol.
        offers: what was offered to whom.
    """

    def __init__(
        self, name: str, pool: ImagePool, models: Mapping[str, ServedModel], finals: FinalLabels, offers: Offers
    ) -> None:
        super().__init__(DESCRIPTIONS[name])
        self._name, self._pool, self._models, self._finals, self._offers = name, pool, models, finals, offers

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any] | None:
        """Chooses an image.

        Raises:
            NotFoundError: the protocol is not served.
            ParameterError: the protocol is no text.
        """
        protocol = self._protocol(request, datastore)
        choice = self._offers.choice(datastore, client_of(request))
        if not choice.images:
            return None
        try:
            version = self._models[protocol].card().version
        except InputError as error:
            return reply(choice.images[0], choice, f"The first image by ID is offered: {error}", protocol=protocol)
        self._pool.ask(protocol)
        table = self._pool.table(protocol, choice.images, self._name in USES_FEATURES)
        told = {"protocol": protocol, "of": len(choice.images)}
        if table is None:
            return self._first(choice, {**told, "scored": 0})
        return self._best(choice, table, version, list(self._finals.of(protocol, datastore.objects)), told)

    def _best(
        self, choice: Choice, table: ScoreTable, version: str, labelled: Sequence[str], told: dict[str, Any]
    ) -> dict[str, Any]:
        usable = [image for image in choice.images if image in table.images]
        if self._name in USES_FEATURES:
            usable = [image for image in usable if table.images[image].features is not None]
        told |= table.origin._asdict() | {"scored": len(usable)}
        del told["weights"]
        if not usable:
            return self._first(choice, told)
        # what others work on will be labelled soon: an image like it would bring little
        chosen = select(self._name, self._candidates(usable, [*labelled, *choice.taken], table), 1)[0]
        left = [image for image in choice.images if image not in set(usable)]
        unreadable = self._pool.unreadable(told["protocol"]).intersection(left)
        unseen = len(labelled) - table.covers(labelled, features=True) if self._name in USES_FEATURES else 0
        note = ""
        if table.origin.model_version != version:
            note = f"The scores are those of network {table.origin.model_version}; {version} has still to see most."
        elif left:
            rest = [f"{len(left) - len(unreadable)} are not yet"] if len(left) > len(unreadable) else []
            rest += [f"{len(unreadable)} cannot be read"] if unreadable else []
            note = f"The best of {len(usable)} scored images is offered; {', '.join(rest)}."
        elif unseen:
            note = (
                f"{unseen} of {len(labelled)} labelled images are not looked at yet: the image may be like one of them."
            )
        return reply(chosen, choice, note, score=table.images[chosen].score, **told)

    def _candidates(self, usable: Sequence[str], others: Sequence[str], table: ScoreTable) -> Candidates:
        features = labelled = None
        if self._name in USES_FEATURES:
            features = _features(usable, table)
            labelled = _features(others, table)
        scores = np.array([table.images[image].score for image in usable]) if self._name in USES_SCORES else None
        return Candidates(tuple(usable), scores, features, labelled)

    def _first(self, choice: Choice, told: dict[str, Any]) -> dict[str, Any]:
        """The first image that can be read, as far as that is known, where none of them has a score."""
        unreadable = self._pool.unreadable(told["protocol"])
        readable = [image for image in choice.images if image not in unreadable]
        if readable:
            return reply(readable[0], choice, self._nothing_known(), **told)
        note = f"None of the images that are left can be read ({len(choice.images)}): replace or delete them."
        return reply(choice.images[0], choice, note, **told)

    def _nothing_known(self) -> str:
        what = "The first image by ID is offered, as none is scored yet"
        if self._pool.is_off():
            return f"{what} and --conf pool_scores is off: POST /scoring/uncertainty scores them."
        return f"{what}: that goes on in the background."

    def _protocol(self, request: Mapping[str, Any], datastore: LandmarkDatastore) -> str:
        """The protocol that is requested, by default the one with most labels, then the first that has a network."""
        name = request.get("protocol")
        if name is None:
            labels = self._finals.counts(datastore.objects)
            return min(self._models, key=lambda known: (-labels[known], not self._models[known].is_ready()))
        return checked_protocol(name, self._models)


def _features(images: Sequence[str], table: ScoreTable) -> FloatArray | None:
    """(N, F) of those of some images that have them; None if none has."""
    known = [table.images[image].features for image in images if image in table.images]
    rows = [features for features in known if features is not None]
    return np.stack(rows).astype(np.float64) if rows else None
