"""Labels checked against the served protocols, and the final labels of each of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from monai_ext.landmarks import FINAL, Frame, InputError, Landmarks, Markups, Protocol, label_check, read_json
from monai_ext.studies import LabelEntry, Objects

from .datastore import LandmarkDatastore
from .errors import NotFoundError

__all__ = ["FINAL", "fitting_protocol", "protocol_of", "read_label"]


def protocol_of(names: tuple[str, ...], protocols: Mapping[str, Protocol], stated: str | None = None) -> Protocol:
    """The served protocol that landmark names belong to: the stated one, else the only one that has them all.

    Raises:
        NotFoundError: the stated protocol is not served.
        InputError: no protocol has all the names, or several have.
    """
    if stated is None:
        return label_check.protocol_of(names, protocols)
    if stated not in protocols:
        raise NotFoundError(f"The protocol {stated[:80]!r} is not served; use one of {', '.join(protocols)}.")
    return protocols[stated]


def fitting_protocol(path: Path, protocols: Mapping[str, Protocol]) -> str | None:
    """The served protocol that fits the names in a label file; None if none does, or several do."""
    try:
        points = read_json(path)["markups"][0]["controlPoints"]
        return protocol_of(tuple(str(point["label"]) for point in points), protocols).name
    except (InputError, LookupError, TypeError):  # problems are reported when the file is opened or trained on
        return None


def read_label(
    label: Markups | Path, frame: Frame, protocols: Mapping[str, Protocol], stated: str | None = None, tag: str = FINAL
) -> tuple[Protocol, Landmarks]:
    """The landmarks of a point list, or of its file, in its protocol's order, and that protocol.

    Raises:
        NotFoundError: the stated protocol is not served.
        InputError: the label may not be used under its tag (see
            :func:`monai_ext.landmarks.label_check.read_label`), or does not fit one protocol.
    """
    markups = Markups.read(label) if isinstance(label, Path) else label
    protocol = protocol_of(markups.landmarks(frame).names, protocols, stated)
    return protocol, label_check.read_label(markups, frame, protocol, tag)


class FinalLabels:
    """Finds the final labels of a protocol; files that state none are read once. Safe to use from many threads."""

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

    def counts(self, objects: Objects) -> Counter[str]:
        """The number of final labels of each served protocol, by its name; ``objects`` as in :meth:`of`."""
        finals = {image: entry.labels["final"] for image, entry in objects.items() if "final" in entry.labels}
        found = (self._protocol_of(image, label) for image, label in finals.items())
        return Counter(name for name in found if name is not None)

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
