"""Points out of a DICOM structured report: this project's, and those of other programs in TID 1500."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.sr.coding import Code

from monai_ext.landmarks import InputError, Protocol, Status

from .codes import (
    ABSENT,
    DEVICE_MODEL,
    FINDING,
    FINDING_SITE,
    MEASUREMENT_GROUP,
    PERSON_OBSERVER,
    PRESENCE,
    TRACKING_IDENTIFIER,
    coded,
)

#: Storage classes of structured reports that hold points in pixels: Comprehensive, Comprehensive 3D, Enhanced.
SR_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (22, 33, 34))
DEEPEST = 32
#: So many unknown names are shown.
_SHOWN = 5


class NoSuchLandmarkError(InputError):
    """A report that is of no landmark of the protocol."""


class ReportedLandmarks(NamedTuple):
    """The landmarks that a report contains of one image.

    Attributes:
        sop_instance_uid: of the image.
        frame: of an image of several frames, from 1; None if the report names none.
        points: (K, 2) pixels (x, y), (0, 0) the centre of the top-left pixel; NaN where there is no point.
        status: (K,) codes of :class:`~monai_ext.landmarks.Status`, in the order of the protocol's landmarks.
        annotator, model_version: who stands behind the points; empty if the report does not say.
    """

    sop_instance_uid: str
    frame: int | None
    points: np.ndarray
    status: np.ndarray
    annotator: str
    model_version: str


def is_structured_report(dataset: Dataset) -> bool:
    """True if a DICOM object is a report that may contain points."""
    return str(dataset.get("SOPClassUID", "")) in SR_CLASSES


def read_report(report: str | Path | Dataset, protocol: Protocol) -> list[ReportedLandmarks]:
    """Reads the landmarks of a report, one entry for each image that it contains.

    A group belongs to a landmark if its tracking identifier is the landmark's name, else if its finding site has the
    landmark's code, else if a name that it bears (identifier, meaning of finding site or finding) is the landmark's but
    for the case of letters and "_" for a space; other groups are left out. A code that several landmarks share tells
    none of them. DICOM counts from the outer corner of the pixel: 0.5 is taken from the points.

    Args:
        report: the object, or its file.
        protocol: whose landmarks are looked for.

    Raises:
        NoSuchLandmarkError: the report is of none of them.
        InputError: it is no structured report, or is damaged; it has two points for one landmark of an image.
    """
    dataset = report if isinstance(report, Dataset) else _read(report)
    where = str(dataset.get("SOPInstanceUID", "")) if isinstance(report, Dataset) else str(report)
    if not is_structured_report(dataset):
        raise InputError(
            f"{where} is not a structured report with points, but has the class {dataset.get('SOPClassUID')}."
        )
    names, landmark_of = protocol.landmark_names, _Matching(protocol)
    found: dict[tuple[str, int | None], tuple[np.ndarray, np.ndarray]] = {}
    others: dict[str, None] = {}
    for group in _groups(dataset, where):
        k = landmark_of(group)
        if k is None:
            others.setdefault(_label(group))
            continue
        for image, point in _places(group, where):
            points, status = found.setdefault(
                image, (np.full((len(names), 2), np.nan), np.full(len(names), Status.UNDEFINED, np.int8))
            )
            if status[k] != Status.UNDEFINED:
                raise InputError(f"{where} has two entries for {names[k]} of the image {image[0]}; remove one of them.")
            status[k] = Status.MISSING if point is None else Status.DEFINED
            if point is not None:
                points[k] = point
    if not found:
        told = f"but {', '.join(list(others)[:_SHOWN])}" if others else "and no other group"
        raise NoSuchLandmarkError(
            f"{where} contains no landmark of the protocol {protocol.name}, {told}; its landmarks are "
            f"{', '.join(names)}: give them these names, or their codes, in the protocol."
        )
    annotator = next((str(item.get("PersonName", "")) for item in _named(dataset, PERSON_OBSERVER, where)), "")
    model = next((str(item.get("TextValue", "")) for item in _named(dataset, DEVICE_MODEL, where)), "")
    version = model.removeprefix(f"{protocol.name} ") if model.startswith(f"{protocol.name} ") else ""
    return [ReportedLandmarks(*image, *entry, annotator.rstrip("^"), version) for image, entry in found.items()]


class _Matching:
    """Tells which landmark of a protocol a group is of."""

    def __init__(self, protocol: Protocol) -> None:
        codes = [_key(coded(item)) for item in protocol.landmarks]
        self._codes = {code: k for k, code in enumerate(codes) if codes.count(code) == 1}
        self._names = {name: k for k, name in enumerate(protocol.landmark_names)}
        plain = [_plain(name) for name in self._names]
        self._plain = {name: k for k, name in enumerate(plain) if plain.count(name) == 1}

    def __call__(self, group: Dataset) -> int | None:
        identifier, site = _text(group, TRACKING_IDENTIFIER), _value_code(group, FINDING_SITE)
        if identifier in self._names:
            return self._names[identifier]
        if site is not None and _pair(site) in self._codes:
            return self._codes[_pair(site)]
        return next((self._plain[name] for name in map(_plain, _names(group)) if name in self._plain), None)


def _names(group: Dataset) -> list[str]:
    """The names of a group: OHIF keeps a person's own words in the finding."""
    codes = (_value_code(group, concept) for concept in (FINDING_SITE, FINDING))
    meanings = [str(code.get("CodeMeaning", "")) for code in codes if code is not None]
    return [name for name in (_text(group, TRACKING_IDENTIFIER), *meanings) if name]


def _label(group: Dataset) -> str:
    """All names of a group, for a message."""
    site = _value_code(group, FINDING_SITE)
    code = "" if site is None else " ({}, {})".format(*_pair(site))
    return f"{' / '.join(map(repr, _names(group)))}{code}"


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _read(path: str | Path) -> Dataset:
    try:
        dataset = dcmread(path)
        dataset.decode()  # pydicom converts on access: what is damaged shows here
        return dataset
    except Exception as error:  # pydicom has no one error for damaged files
        raise InputError(f"{path} cannot be read as a DICOM report ({error}).") from None


def _items(dataset: Dataset, where: str, depth: int = 0) -> Iterator[Dataset]:
    """All content items, each before those in it."""
    if depth > DEEPEST:
        raise InputError(
            f"{where} is nested deeper than {DEEPEST} items and cannot be read; report the file to its manufacturer."
        )
    for item in dataset.get("ContentSequence") or ():
        yield item
        yield from _items(item, where, depth + 1)


def _named(dataset: Dataset, concept: Code, where: str) -> Iterator[Dataset]:
    return (item for item in _items(dataset, where) if _concept(item) == _key(concept))


def _groups(dataset: Dataset, where: str) -> Iterator[Dataset]:
    """The measurement groups, and the evaluations that something is absent, which are built alike."""
    for item in _items(dataset, where):
        if _concept(item) == _key(MEASUREMENT_GROUP) or (_is_absence(item) and item.get("ContentSequence")):
            yield item


def _is_absence(item: Dataset) -> bool:
    values = item.get("ConceptCodeSequence")
    return _concept(item) == _key(PRESENCE) and bool(values) and _pair(values[0]) == _key(ABSENT)


def _places(group: Dataset, where: str) -> Iterator[tuple[tuple[str, int | None], np.ndarray | None]]:
    """The images of a group, each with its point; None for the point of a landmark that is said to be absent."""
    for item in _items(group, where):
        if item.get("ValueType") != "SCOORD" or item.get("GraphicType") != "POINT":
            continue
        data = np.array(item.get("GraphicData") or (), dtype=np.float64)
        if data.shape != (2,) or not np.isfinite(data).all():
            raise InputError(f"{where} has a POINT of the coordinates {data.tolist()}, which are not two numbers.")
        for image in _images(item) or [Dataset()]:
            yield from ((reference, data - 0.5) for reference in _references(image, where))
    if any(_is_absence(item) for item in (group, *(group.get("ContentSequence") or ()))):
        for image in _images(group):
            yield from ((reference, None) for reference in _references(image, where))


def _images(item: Dataset) -> list[Dataset]:
    return [image for image in item.get("ContentSequence") or () if image.get("ValueType") == "IMAGE"]


def _references(image: Dataset, where: str) -> list[tuple[str, int | None]]:
    """SOP instance and frame, for each frame that is named."""
    try:
        reference = image.ReferencedSOPSequence[0]
        uid = str(reference.ReferencedSOPInstanceUID)
    except (AttributeError, IndexError):
        raise InputError(f"{where} names no image for one of its points; the report is damaged.") from None
    frames = reference.get("ReferencedFrameNumber")
    if frames is None:
        return [(uid, None)]
    return [(uid, int(frame)) for frame in ([frames] if isinstance(frames, (int, str)) else frames)]


def _concept(item: Dataset) -> tuple[str, str] | None:
    """Value and scheme of the name of a content item."""
    names = item.get("ConceptNameCodeSequence")
    return _pair(names[0]) if names else None


def _value_code(group: Dataset, concept: Code) -> Dataset | None:
    """The coded value that a group gives a concept."""
    for item in group.get("ContentSequence") or ():
        values = item.get("ConceptCodeSequence")
        if _concept(item) == _key(concept) and values:
            return values[0]
    return None


def _pair(code: Dataset) -> tuple[str, str]:
    """Value and scheme of a code in a file."""
    return str(code.get("CodeValue", "")), str(code.get("CodingSchemeDesignator", ""))


def _text(group: Dataset, concept: Code) -> str:
    items = (item for item in group.get("ContentSequence") or () if _concept(item) == _key(concept))
    return next((str(item.get("TextValue", "")) for item in items), "")


def _key(code: Code) -> tuple[str, str]:
    return code.value, code.scheme_designator
