"""Points out of a DICOM structured report: this project's, and those of other programs in TID 1500."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.sr.coding import Code

from monai_ext.landmarks import InputError, Protocol, Status

from .codes import (
    ABSENT,
    DEVICE_MODEL,
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


class ReportedLandmarks(NamedTuple):
    """The landmarks that a report tells of one image.

    Attributes:
        sop_instance_uid: of the image.
        frame: of an image of several frames, from 1; None where the report names none.
        points: (K, 2) pixels (x, y), (0, 0) the centre of the top-left pixel; NaN where there is no point.
        status: (K,) codes of :class:`~monai_ext.landmarks.Status`, in the order of the protocol's landmarks.
        annotator, model_version: who stands behind the points; empty where the report does not say.
    """

    sop_instance_uid: str
    frame: int | None
    points: np.ndarray
    status: np.ndarray
    annotator: str
    model_version: str


def is_structured_report(dataset: Dataset) -> bool:
    """Whether a DICOM object is a report that may hold points."""
    return str(dataset.get("SOPClassUID", "")) in SR_CLASSES


def read_report(report: str | Path | Dataset, protocol: Protocol) -> list[ReportedLandmarks]:
    """Reads the landmarks of a report, one entry for each image that it tells of.

    A group belongs to a landmark if its tracking identifier is the landmark's name or its finding site the landmark's
    code; other groups are left out. DICOM counts from the outer corner of the pixel: 0.5 is taken from the points.

    Args:
        report: the object, or its file.
        protocol: whose landmarks are looked for.

    Raises:
        InputError: it is no structured report, or is damaged; it has two points for one landmark of an image.
    """
    dataset = report if isinstance(report, Dataset) else _read(report)
    where = str(dataset.get("SOPInstanceUID", "")) if isinstance(report, Dataset) else str(report)
    if not is_structured_report(dataset):
        raise InputError(f"{where} is no structured report with points, but of the class {dataset.get('SOPClassUID')}.")
    by_code = {_key(coded(item)): k for k, item in enumerate(protocol.landmarks)}
    by_name = {item.name: k for k, item in enumerate(protocol.landmarks)}
    found: dict[tuple[str, int | None], tuple[np.ndarray, np.ndarray]] = {}
    for group in _items(dataset, where):
        if _concept(group) != _key(MEASUREMENT_GROUP):
            continue
        k = by_name.get(_text(group, TRACKING_IDENTIFIER), by_code.get(_value_code(group, FINDING_SITE) or ("", "")))
        if k is None:
            continue
        for image, point in _places(group, where):
            points, status = found.setdefault(
                image, (np.full((len(by_name), 2), np.nan), np.full(len(by_name), Status.UNDEFINED, np.int8))
            )
            if status[k] != Status.UNDEFINED:
                name = protocol.landmarks[k].name
                raise InputError(f"{where} has two entries for {name} of the image {image[0]}; remove one of them.")
            status[k] = Status.MISSING if point is None else Status.DEFINED
            if point is not None:
                points[k] = point
    annotator = next((str(item.get("PersonName", "")) for item in _named(dataset, PERSON_OBSERVER, where)), "").rstrip(
        "^"
    )
    model = next((str(item.get("TextValue", "")) for item in _named(dataset, DEVICE_MODEL, where)), "")
    version = model.removeprefix(f"{protocol.name} ") if model.startswith(f"{protocol.name} ") else ""
    return [ReportedLandmarks(*image, *entry, annotator, version) for image, entry in found.items()]


def _read(path: str | Path) -> Dataset:
    try:
        return dcmread(path)
    except (InvalidDicomError, OSError) as error:
        raise InputError(f"{path} cannot be read as a DICOM report ({error}).") from None


def _items(dataset: Dataset, where: str, depth: int = 0) -> Iterator[Dataset]:
    """All content items, each before those in it."""
    if depth > DEEPEST:
        raise InputError(f"{where} is nested deeper than {DEEPEST} items and is not read; send the file to its maker.")
    for item in dataset.get("ContentSequence") or ():
        yield item
        yield from _items(item, where, depth + 1)


def _named(dataset: Dataset, concept: Code, where: str) -> Iterator[Dataset]:
    return (item for item in _items(dataset, where) if _concept(item) == _key(concept))


def _places(group: Dataset, where: str) -> Iterator[tuple[tuple[str, int | None], np.ndarray | None]]:
    """The images of a group, each with its point; None for the point of a landmark that is said to be absent."""
    items = list(group.get("ContentSequence") or ())
    for item in items:
        if item.get("ValueType") != "SCOORD" or item.get("GraphicType") != "POINT":
            continue
        data = np.array(item.get("GraphicData") or (), dtype=np.float64)
        if data.shape != (2,) or not np.isfinite(data).all():
            raise InputError(f"{where} has a POINT of the coordinates {data.tolist()}, which are not two numbers.")
        for image in item.get("ContentSequence") or ():
            if image.get("ValueType") == "IMAGE":
                yield _reference(image, where), data - 0.5
    if _value_code(group, PRESENCE) == _key(ABSENT):
        for item in items:
            if item.get("ValueType") == "IMAGE":
                yield _reference(item, where), None


def _reference(image: Dataset, where: str) -> tuple[str, int | None]:
    try:
        reference = image.ReferencedSOPSequence[0]
        uid = str(reference.ReferencedSOPInstanceUID)
    except (AttributeError, IndexError):
        raise InputError(f"{where} names no image for one of its points; the report is damaged.") from None
    frames = reference.get("ReferencedFrameNumber")
    if frames is None:
        return uid, None
    return uid, int(frames if isinstance(frames, (int, str)) else frames[0])


def _concept(item: Dataset) -> tuple[str, str] | None:
    """Value and scheme of the name of a content item."""
    names = item.get("ConceptNameCodeSequence")
    return None if not names else (str(names[0].get("CodeValue", "")), str(names[0].get("CodingSchemeDesignator", "")))


def _value_code(group: Dataset, concept: Code) -> tuple[str, str] | None:
    """The coded value that a group gives a concept."""
    for item in group.get("ContentSequence") or ():
        values = item.get("ConceptCodeSequence")
        if _concept(item) == _key(concept) and values:
            return str(values[0].get("CodeValue", "")), str(values[0].get("CodingSchemeDesignator", ""))
    return None


def _text(group: Dataset, concept: Code) -> str:
    items = (item for item in group.get("ContentSequence") or () if _concept(item) == _key(concept))
    return next((str(item.get("TextValue", "")) for item in items), "")


def _key(code: Code) -> tuple[str, str]:
    return code.value, code.scheme_designator
