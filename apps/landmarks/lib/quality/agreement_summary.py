"""Agreement: how far people moved the points that each version of a model proposed, from the notes on labels."""

from __future__ import annotations

import logging
import threading
from typing import Any, NamedTuple

from monai_ext.active import AgreementRecord, agreement_document, agreement_record, summary_document
from monai_ext.active.agreement import agreement
from monai_ext.landmarks import InputError
from monai_ext.studies import LabelEntry, Objects, readings

from ..datastore import LandmarkDatastore

logger = logging.getLogger(__name__)


class _Protocol(NamedTuple):
    """Agreement by the labels of one protocol."""

    records: list[AgreementRecord]
    rows: list[dict[str, Any]]


class AgreementSummary:
    """The agreement by protocol; only what changed is computed again. Safe to use from many threads."""

    def __init__(self, datastore: LandmarkDatastore) -> None:
        self._datastore = datastore
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._objects: Objects | None = None
        self._seen: dict[tuple[str, str], tuple[LabelEntry, AgreementRecord | None]] = {}
        self._known: dict[str, _Protocol] = {}

    def summary(self) -> dict[str, list[dict[str, Any]]]:
        """For each protocol that has such labels a row per version, by first use."""
        return {name: known.rows for name, known in self._look().items()}

    def document(self, protocol: str) -> dict[str, Any]:
        """Agreement of a protocol: each version, each landmark, each label."""
        known = self._look().get(protocol)
        return {**agreement_document([] if known is None else known.records), "protocol": protocol}

    def shared_document(self, protocol: str) -> dict[str, Any]:
        """The same without single labels and landmarks, by which a reader would know where another placed points."""
        document = self.document(protocol)
        return {**document, "labels": [], "versions": [{**row, "landmarks": {}} for row in document["versions"]]}

    def _look(self) -> dict[str, _Protocol]:
        with self._lock:
            objects = self._datastore.objects  # replaced by every change, so its identity shows changes
            if self._objects is not objects:
                records = self._records(objects)
                self._known = {name: self._reckon(name, own) for name, own in records.items()}
                self._objects = objects
            return self._known

    def _reckon(self, protocol: str, records: list[AgreementRecord]) -> _Protocol:
        known = self._known.get(protocol)
        if known is not None and known.records == records:
            return known
        return _Protocol(records, [summary_document(row) for row in agreement(records)])

    def _records(self, objects: Objects) -> dict[str, list[AgreementRecord]]:
        before, self._seen = self._seen, {}
        records: dict[str, list[AgreementRecord]] = {}
        for image, entry in objects.items():
            for tag, label in readings(entry).items():  # with several readers, each reading is a record of the network
                seen = before.get((image, tag))
                record = seen[1] if seen is not None and seen[0] is label else self._record(image, label)
                self._seen[image, tag] = (label, record)
                if record is not None:
                    records.setdefault(record.protocol, []).append(record)
        return records

    def _record(self, image: str, label: LabelEntry) -> AgreementRecord | None:
        try:
            return agreement_record(image, label.info)
        except InputError as error:
            if image not in self._warned:
                self._warned.add(image)
                logger.warning("%s", error)
            return None
