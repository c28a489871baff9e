"""The first image by ID."""

from __future__ import annotations

from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from ..datastore import LandmarkDatastore
from .candidates import candidates


class First(Strategy):
    """Offers the first unlabelled image in the order of the IDs, until it is labelled."""

    def __init__(self) -> None:
        super().__init__("The first image without a label, by ID")

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any] | None:
        images = candidates(datastore)
        return {"id": images[0]} if images else None
