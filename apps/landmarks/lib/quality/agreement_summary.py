"""How far people moved the points that each version of a model proposed, from the notes on the labels."""

from __future__ import annotations

import logging
import threading
from typing import Any

from monai_ext.active.agreement import (
    AgreementRecord,
    agreement,
    agreement_document,
    agreement_record,
    summary_document,
)
from monai_ext.landmarks import InputError

from ..datastore import LandmarkDatastore
from ..studies_store.entries import Objects

logger = logging.getLogger(__name__)


class AgreementSummary:
    """The agreement by protocol, reckoned anew when labels or notes changed; safe to use from many threads.

    Args:
        datastore: the studies.
    """

    def __init__(self, datastore: LandmarkDatastore) -> None:
        self._datastore = datastore
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._known: tuple[Objects, dict[str, list[AgreementRecord]], dict[str, list[dict[str, Any]]]] | None = None

    def summary(self) -> dict[str, list[dict[str, Any]]]:
        """For each protocol that has such labels a row per version, by first use."""
        return self._look()[1]

    def document(self, protocol: str) -> dict[str, Any]:
        """All that the labels of a protocol tell: each version, each landmark, each label."""
        return {**agreement_document(self._look()[0].get(protocol, [])), "protocol": protocol}

    def _look(self) -> tuple[dict[str, list[AgreementRecord]], dict[str, list[dict[str, Any]]]]:
        with self._lock:
            objects = self._datastore.objects  # replaced by every change, so that itself tells of changes
            if self._known is None or self._known[0] is not objects:
                records = self._records(objects)
                rows = {name: [summary_document(row) for row in agreement(own)] for name, own in records.items()}
                self._known = (objects, records, rows)
            return self._known[1:]

    def _records(self, objects: Objects) -> dict[str, list[AgreementRecord]]:
        records: dict[str, list[AgreementRecord]] = {}
        for image, entry in objects.items():
            label = entry.labels.get("final")
            if label is None:
                continue
            try:
                record = agreement_record(image, label.info)
            except InputError as error:
                if image not in self._warned:
                    self._warned.add(image)
                    logger.warning("%s", error)
                continue
            if record is not None:
                records.setdefault(record.protocol, []).append(record)
        return records
