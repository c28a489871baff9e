"""How many final labels of a protocol came, or were corrected, since a training last saw the labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from monai_ext.engines.dataset import SEEN_LABELS, add_seen_labels, read_seen_labels
from monai_ext.landmarks import InputError, Protocol

from ..datastore import LandmarkDatastore
from ..final_labels import FinalLabels
from ..served_model import FileState
from ..studies_store.entries import Objects

logger = logging.getLogger(__name__)


class LabelCounter:
    """Counts by comparing the labels that there are with those that were seen, so that no count is lost or kept.

    Safe to use from many threads.

    Args:
        datastore: the studies folder.
        protocols: the served ones.
        model_root: holds the folders of their models, in which what was seen is recorded.
    """

    def __init__(self, datastore: LandmarkDatastore, protocols: Mapping[str, Protocol], model_root: Path) -> None:
        self._datastore, self._root = datastore, model_root
        self._finals = FinalLabels(datastore, protocols)
        self._unwritten: dict[str, dict[str, str]] = {}
        self._warned: set[str] = set()
        self._counts: dict[str, tuple[Objects, FileState | None, int]] = {}

    def since(self, protocol: str) -> int:
        """How many images have a final label of a protocol that no training has seen as it is now."""
        objects, state = self._datastore.objects, FileState.of(self._root / protocol / SEEN_LABELS)
        known = self._counts.get(protocol)
        if known is not None and known[0] is objects and known[1] == state:
            return known[2]
        seen = self._seen(protocol)
        count = sum(seen.get(image) != sha256 for image, sha256 in self._present(protocol, objects).items())
        self._counts[protocol] = (objects, state, count)
        return count

    def mark(self, protocol: str) -> None:
        """Takes all present labels of a protocol for seen; where there is no room to write it, for this process."""
        present = self._present(protocol, self._datastore.objects)
        try:
            add_seen_labels(self._root / protocol, present)
            self._unwritten.pop(protocol, None)
        except OSError as error:
            logger.warning("Which labels of %s were seen cannot be written: %s", protocol, error)
            self._unwritten[protocol] = present
        self._counts.pop(protocol, None)

    def _present(self, protocol: str, objects: Objects) -> dict[str, str]:
        """The SHA-256 of each final label of a protocol by image ID."""
        finals = self._finals.of(protocol, objects)
        return {image: label.sha256 for image, label in finals.items() if label.sha256}

    def _seen(self, protocol: str) -> dict[str, str]:
        try:
            seen = read_seen_labels(self._root / protocol)
        except InputError as error:
            if str(error) not in self._warned:
                self._warned.add(str(error))
                logger.warning("All labels of %s count as new: %s", protocol, error)
            seen = {}
        return {**seen, **self._unwritten.get(protocol, {})}
