"""Structured reports written element by element, as other programs write them; nothing of the library is used."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import generate_uid

Code = tuple[str, str, str]
COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"
ABSENT: Code = ("272519000", "SCT", "Absent")


def item(relation: str, kind: str, concept: Code | None = None, content: Sequence[Dataset] = ()) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = relation, kind
    if concept is not None:
        made.ConceptNameCodeSequence = Items([code(concept)])
    if content:
        made.ContentSequence = Items(content)
    return made


def code(triple: Code) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = triple
    return made


def image_item(relation: str, image: Dataset, frame: int | None = None) -> Dataset:
    made, reference = item(relation, "IMAGE"), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    if frame is not None:
        reference.ReferencedFrameNumber = frame
    made.ReferencedSOPSequence = Items([reference])
    return made


def group(
    image: Dataset,
    data: Sequence[float] | None,
    *,
    identifier: str = "",
    site: Code | None = None,
    finding: Code | None = None,
    frame: int | None = None,
) -> Dataset:
    """A measurement group with a POINT at (column, row) from the outer corner of the first pixel; None: absent."""
    parts = []
    if identifier:
        parts.append(item("HAS OBS CONTEXT", "TEXT", ("112039", "DCM", "Tracking Identifier")))
        parts[-1].TextValue = identifier
    named = ((("121071", "DCM", "Finding"), finding), (("363698007", "SCT", "Finding Site"), site))
    for concept, value in named:
        if value is not None:
            parts.append(item("CONTAINS", "CODE", concept))
            parts[-1].ConceptCodeSequence = Items([code(value)])
    if data is None:
        parts.append(item("CONTAINS", "CODE", ("121052", "DCM", "Presence of property")))
        parts[-1].ConceptCodeSequence = Items([code(ABSENT)])
        parts.append(image_item("CONTAINS", image, frame))
    else:
        region = ("111030", "DCM", "Image Region")
        parts.append(item("CONTAINS", "SCOORD", region, [image_item("SELECTED FROM", image, frame)]))
        parts[-1].GraphicType, parts[-1].GraphicData = "POINT", list(map(float, data))
    return item("CONTAINS", "CONTAINER", ("125007", "DCM", "Measurement Group"), parts)


def report(groups: Sequence[Dataset], person: str = "Doe^Jo") -> Dataset:
    """A report of these groups, which a person answers for."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.Modality = COMPREHENSIVE, generate_uid(), "SR"
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.ValueType = "CONTAINER"
    made.ConceptNameCodeSequence = Items([code(("126000", "DCM", "Imaging Measurement Report"))])
    parts = []
    if person:
        parts.append(item("HAS OBS CONTEXT", "PNAME", ("121008", "DCM", "Person Observer Name")))
        parts[-1].PersonName = person
    measurements = ("126010", "DCM", "Imaging Measurements")
    made.ContentSequence = Items([*parts, item("CONTAINS", "CONTAINER", measurements, groups)])
    return made
