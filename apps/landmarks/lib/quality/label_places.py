"""Places of the landmarks of all final labels, read once, and the orders in which they usually lie."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monai_ext.active import Orders, shares
from monai_ext.images import read_frame
from monai_ext.landmarks import FloatArray, InputError, Landmarks, Protocol
from monai_ext.studies import ImageEntry, digest

from ..datastore import LandmarkDatastore
from ..served_labels import read_label

logger = logging.getLogger(__name__)

#: Share of new or changed labels from which on orders are fitted anew; a few are always fitted anew.
_CHANGED, _FEW = 0.02, 100


class KnownLabel(NamedTuple):
    """A final label as it was read.

    Attributes:
        sha256: of its file.
        protocol: whose landmarks it has; empty if it fits no served protocol.
        place: (K, 2) as :func:`~monai_ext.active.review.shares` gives it; None if the label cannot be read.
    """

    sha256: str
    protocol: str
    place: FloatArray | None


class ReadLabel(NamedTuple):
    """A final label of an image.

    Attributes:
        protocol: whose landmarks it has.
        landmarks: in the order of the protocol.
        sha256: of its file.
    """

    protocol: Protocol
    landmarks: Landmarks
    sha256: str


class _Fit(NamedTuple):
    orders: Orders
    places: dict[str, FloatArray]


class LabelPlaces:
    """The places of the final labels; safe to use from many threads."""

    def __init__(self, datastore: LandmarkDatastore, protocols: Mapping[str, Protocol]) -> None:
        self._datastore, self._protocols = datastore, protocols
        self._lock = threading.RLock()
        self._known: dict[str, KnownLabel] = {}
        self._fits: dict[str, _Fit] = {}

    def protocol(self, image: str) -> str | None:
        """The protocol of an image's final label: that which it was saved for, or that which it was seen to fit."""
        entry = self._datastore.objects.get(image)
        label = None if entry is None else entry.labels.get("final")
        if entry is None or label is None:
            return None
        stated = entry.protocol("final")
        if stated is not None:
            return stated
        known = self._known.get(image)
        return known.protocol if known is not None and known.sha256 == label.sha256 else None

    def read(self, image: str, saved: ReadLabel | None = None) -> ReadLabel | None:
        """The final label of an image; None if there is none to judge.

        Args:
            image: its ID.
            saved: the label as it was saved a moment ago; where it still is the present one, its file is not read.
        """
        entry = self._datastore.objects.get(image)
        if entry is None or "final" not in entry.labels:
            return None
        if saved is not None and saved.sha256 == entry.labels["final"].sha256:
            self._keep(image, saved)
            return saved
        path = Path(self._datastore.get_label_uri(image, "final"))
        stated = entry.protocol("final")
        found: ReadLabel | None = None
        try:
            sha256 = digest(path.read_bytes())
            frame = read_frame(self._datastore.image_file(image))
            protocol, label = read_label(path, frame, self._protocols, stated if stated in self._protocols else None)
            if sha256 == digest(path.read_bytes()):  # else it was replaced meanwhile, and is read again for that
                found = ReadLabel(protocol, label, sha256)
        except (OSError, InputError) as error:
            logger.warning("The final label of %s is not reviewed: %s", image, error)
        if found is not None:
            self._keep(image, found)
        else:
            with self._lock:
                self._known[image] = KnownLabel(entry.labels["final"].sha256, "", None)
        return found

    def _keep(self, image: str, label: ReadLabel) -> None:
        place = shares(label.landmarks, label.protocol.landmark_names)
        with self._lock:
            self._known[image] = KnownLabel(label.sha256, label.protocol.name, place)

    def update(self) -> None:
        """Reads the labels that are new or were changed."""
        objects = self._datastore.objects
        with self._lock:
            for image in self._known.keys() - objects.keys():
                del self._known[image]
        for image, entry in objects.items():
            if not self._is_up_to_date(image, entry):
                self.read(image)

    def count(self, protocol: str) -> int:
        """Returns how many labels of a protocol have been read."""
        return len(self._places(protocol))

    def orders_beside(self, protocol: str, image: str) -> tuple[Orders, int]:
        """The orders in the labels of all other images, and how many these are."""
        with self._lock:
            places = self._places(protocol)
            fit = self._fit(protocol, places)
            own = fit.places.get(image)
            others = len(fit.places) - (own is not None)
            return (fit.orders if own is None else fit.orders.without_place(own)), others

    def _places(self, protocol: str) -> dict[str, FloatArray]:
        with self._lock:
            return {
                image: known.place
                for image, known in self._known.items()
                if known.protocol == protocol and known.place is not None
            }

    def _fit(self, protocol: str, places: dict[str, FloatArray]) -> _Fit:
        fit = self._fits.get(protocol)
        if fit is not None:
            changed = sum(fit.places.get(image) is not place for image, place in places.items())
            changed += len(fit.places.keys() - places.keys())
            if changed <= (0 if len(places) < _FEW else _CHANGED * len(places)):
                return fit
        names = self._protocols[protocol].landmark_names
        table = np.array(list(places.values())).reshape(-1, len(names), 2)
        fit = self._fits[protocol] = _Fit(Orders.of_table(table, names), places)
        return fit

    def _is_up_to_date(self, image: str, entry: ImageEntry) -> bool:
        label, known = entry.labels.get("final"), self._known.get(image)
        if label is None:
            with self._lock:
                self._known.pop(image, None)
            return True
        return known is not None and known.sha256 == label.sha256
