"""A random image, those offered long ago or never before the others."""

from __future__ import annotations

import random
import time
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from ..datastore import LandmarkDatastore
from .candidates import candidates


class Random(Strategy):
    """Draws an unlabelled image with a probability that grows with the seconds since it was last offered.

    Several people who label at the same time thus seldom get the same image.
    """

    def __init__(self) -> None:
        super().__init__("A random image without a label")
        self._random = random.Random()

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any] | None:
        images = candidates(datastore)
        if not images:
            return None
        now = time.time()
        weights = [max(1.0, now - _last_offered(datastore, image)) for image in images]
        chosen = self._random.choices(range(len(images)), weights=weights)[0]
        return {"id": images[chosen], "weight": weights[chosen]}


def _last_offered(datastore: LandmarkDatastore, image: str) -> float:
    """When the image was last offered, in seconds since 1970; 0 for never or where the note is no time."""
    offers = datastore.get_image_info(image).get("strategy", {})
    notes = offers.values() if isinstance(offers, dict) else ()
    times = [note.get("ts") for note in notes if isinstance(note, dict)]
    return max((t for t in times if isinstance(t, int | float)), default=0)
