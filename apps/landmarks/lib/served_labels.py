"""Labels checked against the served protocols: one, all at the start, and the final ones, which train."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from monai_ext.doctor import label_problem
from monai_ext.engines import LabelledImage
from monai_ext.images import read_frame
from monai_ext.landmarks import (
    FINAL,
    REMAP,
    Frame,
    InputError,
    Landmarks,
    Markups,
    Protocol,
    first_of,
    label_check,
    read_json,
)
from monai_ext.studies import LABEL_TAGS, LabelEntry, Objects, Studies, known_label

from .datastore import LandmarkDatastore
from .errors import NotFoundError

logger = logging.getLogger(__name__)


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
        path = Path(self._datastore.get_label_uri(image, "final"))
        found = fitting_protocol(path, self._protocols)
        if found is not None or path.is_file():  # else it is away for a moment, and looked at again
            with self._lock:
                self._by_hand[key] = found
        return found


def training_set(
    datastore: LandmarkDatastore, protocol: Protocol, protocols: Mapping[str, Protocol]
) -> list[LabelledImage]:
    """The final labels that belong to a protocol, each checked against its image, with the splits that are stated.

    Labels of other protocols are left out: those of the other served ones, and those that were saved for one that
    is not served and do not fit a served one either.

    Raises:
        InputError: a label that is noted for no protocol and fits no served one, or that may not be used for its
            image, or a bad ``splits.json``.
    """
    studies = Studies(datastore.folder)
    splits, subjects = studies.splits(), studies.subjects()
    chosen: list[LabelledImage] = []
    problems: list[str] = []
    others = 0
    for image_id in sorted(datastore.get_labeled_images()):
        image, label = Path(datastore.get_image_uri(image_id)), Path(datastore.get_label_uri(image_id, "final"))
        stated = known_label(datastore.objects, image_id, "final")[0].protocol("final")
        if stated not in (None, *protocols) and fitting_protocol(label, protocols) is None:
            others += 1
            continue
        try:
            markups = Markups.read(label)
            found, landmarks = read_label(
                markups, read_frame(image), protocols, stated if stated in protocols else None
            )
        except InputError as error:
            problems.append(str(error))
            continue
        if found.name != protocol.name:
            others += 1
            continue
        split, subject = splits.get(image_id), subjects.get(image_id)
        chosen.append(LabelledImage(image_id, image, label, split, landmarks, markups.content, subject))
    if problems:
        raise InputError(first_of(problems))
    if others:
        logger.info("%d labels belong to other protocols than %s and are left out.", others, protocol.name)
    if not chosen:
        raise InputError(
            f"No image has a final label of the protocol {protocol.name}: label at least 2 images, then train."
        )
    return chosen


#: Labels that are named one by one.
NAMED = 20


def unusable_labels(datastore: LandmarkDatastore, protocols: Mapping[str, Protocol]) -> list[str]:
    """The labels that the server would refuse today, each with the sentence by which it would.

    Labels of images that cannot be read and of protocols that are not served are left out.
    """
    problems = []
    for image, entry in datastore.objects.items():
        for tag in LABEL_TAGS:
            stated = entry.labels[tag].info.get("protocol") if tag in entry.labels else None
            if tag not in entry.labels or (isinstance(stated, str) and stated not in protocols):
                continue
            path = Path(datastore.get_label_uri(image, tag))
            try:
                frame = read_frame(datastore.image_file(image))
            except (InputError, OSError):
                break
            problem = label_problem(path, tag, frame, protocols, stated if isinstance(stated, str) else None)
            if problem:
                problems.append(f"labels/{tag}/{path.name}: {problem}.")  # the folder may be a link to another place
    return problems


def survey_lines(problems: list[str], studies: Path) -> list[str]:
    """Says which labels may not be used; empty if there are none."""
    if not problems:
        return []
    count = "1 label" if len(problems) == 1 else f"{len(problems)} labels"
    lines = [f"{count} of {studies} cannot be used; training stops at final ones:", *problems[:NAMED]]
    if len(problems) > NAMED:
        lines.append(f"and {len(problems) - NAMED} more: see `monai-landmarks doctor --studies {studies}`")
    if any(REMAP in problem for problem in problems):
        lines.append(f"`{REMAP} {studies}` maps labels to where their images lie now")
    return lines


def survey_labels(datastore: LandmarkDatastore, protocols: Mapping[str, Protocol]) -> None:
    """Looks at all labels and logs which ones may not be used."""
    lines = survey_lines(unusable_labels(datastore, protocols), datastore.folder)
    if lines:
        logger.warning("%s", "\n  ".join(lines))
