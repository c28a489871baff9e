"""The final labels of the studies by the protocol that they belong to."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from monai_ext.landmarks import Protocol
from monai_ext.studies import LabelEntry, Objects

from .datastore import LandmarkDatastore
from .label_check import fitting_protocol


class FinalLabels:
    """Finds the final labels of a protocol; files that state none are read once. Safe to use from many threads.

    Args:
        datastore: the studies folder.
        protocols: the served ones.
    """

    def __init__(self, datastore: LandmarkDatastore, protocols: Mapping[str, Protocol]) -> None:
        self._datastore, self._protocols = datastore, protocols
        self._lock = threading.Lock()
        self._by_hand: dict[tuple[str, str], str | None] = {}

    def of(self, protocol: str, objects: Objects) -> dict[str, LabelEntry]:
        """The final labels of a protocol by image ID.

        Args:
            protocol: its name.
            objects: the images with their labels, as the datastore had them at one moment.
        """
        finals = {image: entry.labels["final"] for image, entry in objects.items() if "final" in entry.labels}
        return {image: label for image, label in finals.items() if self._protocol_of(image, label) == protocol}

    def _protocol_of(self, image: str, label: LabelEntry) -> str | None:
        """The protocol that a label states, else the one that fits a file that was placed by hand."""
        stated = label.info.get("protocol")
        if isinstance(stated, str) and stated in self._protocols:
            return stated
        key = (image, label.sha256)
        with self._lock:
            if key in self._by_hand:
                return self._by_hand[key]
        found = fitting_protocol(Path(self._datastore.get_label_uri(image, "final")), self._protocols)
        with self._lock:
            self._by_hand[key] = found
        return found
