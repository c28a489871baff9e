"""The first image by ID."""

from __future__ import annotations

from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from ..datastore import LandmarkDatastore
from .offers import Offers
from .reply import client_of, reply


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
