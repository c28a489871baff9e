"""A DICOM structured report of the landmarks and measurements of one image."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import numpy as np
from pydicom import DataElement, Dataset, dcmread
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.errors import InvalidDicomError

from monai_ext.landmarks import InputError, LandmarkDefinition, Landmarks, Protocol, Status, measured

from .codes import (
    ABSENT,
    ANATOMICAL_STRUCTURE,
    FINDING_SITE,
    IMAGING_PROCEDURE,
    PRESENCE,
    QUALITATIVE_EVALUATIONS,
    SOURCE_OF_MEASUREMENT,
    TRACKING_IDENTIFIER,
    UNITS,
    coded,
)

if TYPE_CHECKING:
    from highdicom.sr import ComprehensiveSR

#: What a report needs of its image (PS3.3, C.17.2 and the patient and study modules).
NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
#: What the standard lets be empty, but not be left out.
EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
)
MAKER = "MONAI Landmarks"
SERIES = "Landmarks: "


class Observers(NamedTuple):
    """Observers of the points: the person and the network.

    Attributes:
        annotator: the person who placed or confirmed them; empty if nobody did.
        model_version: of the network that proposed them; empty if none did.
    """

    annotator: str = ""
    model_version: str = ""


def structured_report(
    image: str | Path | Dataset,
    landmarks: Landmarks,
    protocol: Protocol,
    observers: Observers,
    frame: int = 1,
    identity: str | None = None,
) -> ComprehensiveSR:
    """Writes the landmarks of an image as a Comprehensive SR of TID 1500.

    A landmark with a point is a group of TID 1410 with a SCOORD of the type POINT; a missing one is a qualitative
    evaluation that says so; an undefined one is left out. A measurement is a group of TID 1501 with its number,
    inferred from its points: OHIF shows nothing of a report with a group without coordinates. DICOM has (0, 0) at the
    outer corner of the top-left pixel (PS3.3, C.18.6.1.1): points are written with 0.5 added.

    Args:
        image: the DICOM image, or its file.
        landmarks: of it.
        protocol: defines the landmarks, with their codes and measurements.
        observers: named in the observation context.
        frame: of an image of several frames, from 1.
        identity: of the label; a report that is made of it again has the same UIDs. None makes new ones.

    Raises:
        InputError: highdicom is not installed, the file is no DICOM image, it lacks what a report must name, there is
            neither an annotator nor a model, it states something of its patient or study that a report cannot hold, or
            nothing can be reported.
    """
    try:
        import highdicom as hd
    except ImportError:
        raise InputError(
            'DICOM structured reports need the package highdicom; install it with `pip install -e ".[dicom-sr]"`.'
        ) from None
    source = image if isinstance(image, Dataset) else read_header(image)
    lacking = [name for name in NEEDED if name not in source]
    if lacking:
        raise InputError(
            f"The image {_name(image)} states no {lacking[0]}, which a report must contain; use another file."
        )
    if not any(_with_status(protocol, landmarks, status) for status in (Status.DEFINED, Status.MISSING)):
        raise InputError(f"The image {_name(image)} has no landmark to report: all are undefined; label it first.")
    context = _context(hd, protocol, observers)
    try:
        return _report(hd, source, landmarks, protocol, context, frame, identity)
    except (
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        NotImplementedError,
    ) as error:  # which may show the patient
        raise InputError(
            f"The image {_name(image)} states {_unfit(source)} that no report can hold ({type(error).__name__}); "
            "correct it where the image lies."
        ) from None


def _report(
    hd: Any,
    source: Dataset,
    landmarks: Landmarks,
    protocol: Protocol,
    context: Any,
    frame: int,
    identity: str | None,
) -> ComprehensiveSR:
    frames = [frame] if int(source.get("NumberOfFrames") or 1) > 1 else None
    groups = _landmark_groups(hd, source, landmarks, protocol, frames)
    groups += _measurement_groups(hd, source, landmarks, protocol, frames)
    absent = _absent(hd, source, landmarks, protocol, frames)
    full = _completed(source)
    full["PatientName"] = DataElement("PatientName", "PN", None)  # highdicom shows one of a single part in a warning
    content = hd.sr.MeasurementReport(
        observation_context=context, procedure_reported=IMAGING_PROCEDURE, imaging_measurements=groups
    )
    if not groups:
        content[0].ContentSequence.pop()  # of measurements, and empty
    if absent:
        evaluations = hd.sr.ContainerContentItem(QUALITATIVE_EVALUATIONS, relationship_type="CONTAINS")
        evaluations.ContentSequence = hd.sr.ContentSequence(absent)
        content[0].ContentSequence.append(evaluations)
    report = hd.sr.ComprehensiveSR(
        evidence=[full],
        content=content[0],
        series_instance_uid=_own_uid(identity, "series"),
        series_number=1,
        sop_instance_uid=_own_uid(identity, "instance"),
        instance_number=1,
        manufacturer=MAKER,
        is_complete=True,
        series_description=series_description(protocol),
    )
    # with the offset from UTC, by which reports of servers in several time zones are ordered
    report.ObservationDateTime = datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S.%f%z")
    report.PatientName = source.get("PatientName")
    report.SpecificCharacterSet = "ISO_IR 192"  # UTF-8: names of people and landmarks are in any script
    return report


def series_description(protocol: Protocol) -> str:
    """Describes the series of the reports of a protocol, by which they are found again."""
    return f"{SERIES}{protocol.title}"[:64]


def read_header(path: str | Path) -> Dataset:
    """The header of a DICOM image.

    Raises:
        InputError: it cannot be read as DICOM.
    """
    try:
        return dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError) as error:
        raise InputError(f"{path} cannot be read as a DICOM image ({error}); reports need DICOM images.") from None


def _context(hd: Any, protocol: Protocol, observers: Observers) -> Any:
    """The people and programs that answer for the points."""
    person = device = None
    if observers.annotator:
        name = observers.annotator.replace("\\", " ").replace("^", " ").replace("=", " ")[:63] + "^"  # one component
        attributes = hd.sr.PersonObserverIdentifyingAttributes(name=name)
        person = hd.sr.ObserverContext(hd.sr.CodedConcept("121006", "DCM", "Person"), attributes)
    if observers.model_version:
        model = f"{protocol.name} {observers.model_version}"
        attributes = hd.sr.DeviceObserverIdentifyingAttributes(
            uid=_uid(uuid5(NAMESPACE_URL, f"{MAKER} {model}")),
            name=MAKER,
            manufacturer_name=MAKER,
            model_name=model[:64],
        )
        device = hd.sr.ObserverContext(hd.sr.CodedConcept("121007", "DCM", "Device"), attributes)
    if person is None and device is None:
        raise InputError("A report must name who placed the points; give an annotator, or the version of the network.")
    return hd.sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _landmark_groups(
    hd: Any, source: Dataset, landmarks: Landmarks, protocol: Protocol, frames: list[int] | None
) -> list[Any]:
    """A group of TID 1410 for each landmark with a point."""
    groups = []
    for definition in _with_status(protocol, landmarks, Status.DEFINED):
        region = hd.sr.ImageRegion(
            hd.sr.GraphicTypeValues.POINT,
            np.array([landmarks.points[landmarks.index(definition.name)] + 0.5]),
            hd.sr.SourceImageForRegion(source.SOPClassUID, source.SOPInstanceUID, frames),
        )
        groups.append(
            hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=hd.sr.TrackingIdentifier(uid=_uid(uuid4()), identifier=definition.name),
                referenced_region=region,
                finding_type=ANATOMICAL_STRUCTURE,
                finding_sites=[hd.sr.FindingSite(coded(definition))],
            )
        )
    return groups


def _absent(hd: Any, source: Dataset, landmarks: Landmarks, protocol: Protocol, frames: list[int] | None) -> list[Any]:
    """A qualitative evaluation for each landmark that is known to be missing."""
    found = []
    for definition in _with_status(protocol, landmarks, Status.MISSING):
        item = hd.sr.CodeContentItem(PRESENCE, ABSENT, "CONTAINS")
        about = [
            hd.sr.TextContentItem(TRACKING_IDENTIFIER, definition.name, "HAS OBS CONTEXT"),
            hd.sr.CodeContentItem(FINDING_SITE, coded(definition), "HAS CONCEPT MOD"),
            _image_item(hd, source, frames, "INFERRED FROM"),
        ]
        item.ContentSequence = hd.sr.ContentSequence(about)
        found.append(item)
    return found


def _measurement_groups(
    hd: Any, source: Dataset, landmarks: Landmarks, protocol: Protocol, frames: list[int] | None
) -> list[Any]:
    """A group of TID 1501 for each measurement with a value: its points are a line, those of a height are single."""
    definitions = {item.name: item for item in protocol.measurements}
    groups = []
    for answer in measured(protocol, landmarks):
        if answer.value is None:
            continue
        definition = definitions[answer.name]
        points = np.array(list(answer.points.values())) + 0.5
        kind = "MULTIPOINT" if definition.kind == "height" else "POLYLINE"
        shape = hd.sr.ScoordContentItem(SOURCE_OF_MEASUREMENT, kind, points, relationship_type="INFERRED FROM")
        shape.ContentSequence = hd.sr.ContentSequence([_image_item(hd, source, frames, "SELECTED FROM")])
        number = hd.sr.Measurement(name=coded(definition), value=answer.value, unit=UNITS[answer.unit])
        number[0].ContentSequence = hd.sr.ContentSequence([shape])
        groups.append(
            hd.sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=hd.sr.TrackingIdentifier(uid=_uid(uuid4()), identifier=answer.name),
                measurements=[number],
                source_images=[hd.sr.SourceImageForMeasurementGroup(source.SOPClassUID, source.SOPInstanceUID, frames)],
            )
        )
    return groups


def _with_status(protocol: Protocol, landmarks: Landmarks, status: Status) -> list[LandmarkDefinition]:
    """The protocol's landmarks that have a status."""
    return [
        item
        for item in protocol.landmarks
        if item.name in landmarks.names and landmarks.status[landmarks.index(item.name)] == status
    ]


def _image_item(hd: Any, source: Dataset, frames: list[int] | None, relation: str) -> Any:
    return hd.sr.ImageContentItem(
        SOURCE_OF_MEASUREMENT, source.SOPClassUID, source.SOPInstanceUID, frames, relationship_type=relation
    )


def _unfit(source: Dataset) -> str:
    """What of the patient or study is not of the form that the standard gives it, by name alone."""
    for name in EMPTY:
        try:
            DataElement(name, dictionary_VR(name), source.get(name), validation_mode=RAISE)
        except (ValueError, TypeError, AttributeError):
            return f"a {name}"
    return "something of its patient or study"


def _completed(source: Dataset) -> Dataset:
    """The header with what the standard lets be empty but not be left out."""
    full = Dataset()
    full.update(source)
    for name in EMPTY:
        if name not in full:
            setattr(full, name, None)
    return full


def _own_uid(identity: str | None, part: str) -> str:
    """A UID of a part of the report."""
    return _uid(uuid4() if identity is None else uuid5(NAMESPACE_URL, f"{MAKER} {part} {identity}"))


def _uid(uuid: UUID) -> str:
    """A UID of a UUID (PS3.5, B.2)."""
    return f"2.25.{uuid.int}"


def _name(image: str | Path | Dataset) -> str:
    return str(image.get("SOPInstanceUID", "")) if isinstance(image, Dataset) else str(image)
