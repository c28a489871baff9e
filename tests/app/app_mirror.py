"""A server's mirror of a PACS, without the server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from app_spots import NAMES

from lib.pacs import PacsDatastore, PacsSync
from monai_ext.dicomweb import Connection
from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks, Protocol, Status, markups_document
from monai_ext.landmarks.markups import read_markups

#: Of the two spots of a label, the second of which is not there.
STATUS = (Status.DEFINED, Status.MISSING)


class House:
    """A server's mirror of the PACS, restarted for each round of its traffic."""

    def __init__(
        self, folder: Path, address: Connection, protocol: Protocol, cache_mb: int = 100, query: str = ""
    ) -> None:
        folder.mkdir()
        self.store = PacsDatastore(folder, address, cache_mb=cache_mb)
        self._protocols, self._query = {protocol.name: protocol}, query

    def round(self) -> dict[str, Any]:
        """What the server says after it sent, listed and took."""
        sync = PacsSync(self.store, self._query, "first", self._protocols)
        sync.work()
        return sync.stats()

    def label(self, image: str, points: np.ndarray, status: Sequence[Status] = STATUS, **info: Any) -> None:
        frame = read_frame(self.store.image_file(image))
        document = markups_document(Landmarks(NAMES, points, frame, status))
        self.store.store_label(image, "final", json.dumps(document).encode(), {"protocol": "spots", **info})

    def points(self, image: str) -> np.ndarray:
        label = self.store.get_label_uri(image, "final")
        landmarks = read_markups(label, read_frame(self.store.image_file(image)), NAMES)
        assert landmarks.status.tolist() == list(STATUS)
        return landmarks.points

    def has_label(self, image: str) -> bool:
        return "final" in self.store.get_labels_by_image_id(image)
