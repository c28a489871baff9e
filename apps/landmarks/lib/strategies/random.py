"""A random image, those offered long ago or never before the others."""

from __future__ import annotations

import random
import time
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from ..datastore import LandmarkDatastore
from .offers import NOTE, Offers
from .reply import client_of, reply


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
    """When the image was last offered, in seconds since 1970; 0 for never or where the note is no time."""
    offers = datastore.objects[image].image.info.get(NOTE, {})
    notes = offers.values() if isinstance(offers, dict) else ()
    times = [note.get("ts") for note in notes if isinstance(note, dict)]
    return max((t for t in times if isinstance(t, int | float)), default=0)
