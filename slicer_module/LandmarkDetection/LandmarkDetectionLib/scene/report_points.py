"""Points of DICOM structured reports on the images that are in the scene; Slicer ships pydicom, which reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import SceneError
from ..server.prediction import DEFINED, MISSING
from ..words import tr as _
from .image_frame import ImageFrame
from .nodes import write_point

#: Enhanced SR, Comprehensive SR, Comprehensive 3D SR.
_REPORTS = tuple(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (22, 33, 34))
_GROUP, _IDENTIFIER = ("125007", "DCM"), ("112039", "DCM")
_SITE, _FINDING = ("363698007", "SCT"), ("121071", "DCM")
_PRESENCE, _ABSENT = ("121052", "DCM"), ("272519000", "SCT")
_NAME, _VALUE = "ConceptNameCodeSequence", "ConceptCodeSequence"
#: Where Slicer's DICOM module keeps the SOP instance UIDs of a volume.
_INSTANCES = "DICOM.instanceUIDs"


def is_report(path: Path) -> bool:
    """True if a file is a structured report that may contain points."""
    return str(getattr(_header(path), "SOPClassUID", "")) in _REPORTS


def remember_instance(volume: Any) -> None:
    """Notes in a volume of which DICOM object it is, before its file is forgotten."""
    uid = _instance(volume)
    if uid and not volume.GetAttribute(_INSTANCES):
        volume.SetAttribute(_INSTANCES, uid)


def load_report(path: Path, scene: Any) -> tuple[list[Any], list[str]]:
    """Adds a point list for each image of a report that is in the scene; what is absent is a missing control point.

    DICOM counts from the outer corner of the first pixel, half a pixel before its centre. A list is under the
    transform of its image.

    Returns:
        The vtkMRMLMarkupsFiducialNodes, and a sentence for each image that is not in the scene.

    Raises:
        SceneError: it is no such report, holds no point, or none of its images is in the scene.
    """
    from pydicom import dcmread

    try:
        report = dcmread(path)
        images: dict[str, list[tuple[str, str, Any]]] = {}
        for group in _items(report):
            for uid, point in _places(group):
                images.setdefault(uid, []).append((*_names(group), point))
    except Exception as error:  # pydicom has no one error for damaged files
        sentence = _("{name} cannot be read as a structured report: {reason}.")
        raise SceneError(sentence.format(name=path.name, reason=error)) from error
    if not images:
        raise SceneError(_("{name} holds no points of images.").format(name=path.name))
    volumes = {uid: _volume(scene, uid) for uid in images}
    words = _("{name} has points of the image {uid}, which is not in the scene: load it first.")
    absent = [words.format(name=path.name, uid=uid) for uid in images if volumes[uid] is None]
    if len(absent) == len(images):
        raise SceneError(absent[0])
    frames = {uid: ImageFrame(volume) for uid, volume in volumes.items() if volume is not None}
    return [_add_points(scene, path.stem, frame, images[uid]) for uid, frame in frames.items()], absent


def _add_points(scene: Any, name: str, frame: ImageFrame, points: list[tuple[str, str, Any]]) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(frame.volume.GetTransformNodeID())
    for label, description, point in points:
        local = (0.0, 0.0, 0.0) if point is None else frame.local(node, point)
        index = node.AddControlPoint(local, label)
        node.SetNthControlPointDescription(index, description)
        write_point(node, index, MISSING if point is None else DEFINED, None if point is None else local)
    return node


def _volume(scene: Any, uid: str) -> Any:
    """The volume of a DICOM object; None if the scene has none."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    volumes = (scene.GetNthNodeByClass(number, "vtkMRMLVolumeNode") for number in range(count))
    return next((volume for volume in volumes if uid in _instance(volume).split()), None)


def _instance(volume: Any) -> str:
    """The SOP instance UIDs of a volume, with blanks between them; empty if it is not of DICOM."""
    noted, storage = volume.GetAttribute(_INSTANCES), volume.GetStorageNode()
    if noted or storage is None or not storage.GetFileName():
        return noted or ""
    return str(getattr(_header(Path(storage.GetFileName())), "SOPInstanceUID", ""))


def _header(path: Path) -> Any:
    """Class and instance of a DICOM file; None for any other."""
    from pydicom import dcmread

    try:
        with path.open("rb") as file:
            if file.read(132)[128:] != b"DICM":
                return None
        return dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID", "SOPInstanceUID"])
    except Exception:  # pydicom has no one error for damaged files
        return None


def _items(item: Any) -> Iterator[Any]:
    """All content items below one."""
    for child in item.get("ContentSequence") or ():
        yield child
        yield from _items(child)


def _code(codes: Any) -> tuple[str, str]:
    """Value and scheme of the first code of a sequence."""
    first = codes[0] if codes else {}
    return str(first.get("CodeValue", "")), str(first.get("CodingSchemeDesignator", ""))


def _said(group: Any, concept: tuple[str, str], attribute: str) -> Any:
    """First value of a concept in a group; None if there is none."""
    items = (item for item in group.get("ContentSequence") or () if _code(item.get(_NAME)) == concept)
    return next((item.get(attribute) for item in items), None)


def _places(group: Any) -> Iterator[tuple[str, Any]]:
    """The images of a group, or of an absence, by SOP instance, each with its point (x, y); None for what is absent."""
    absent = any(_is_absence(item) for item in (group, *(group.get("ContentSequence") or ())))
    if not (absent or _code(group.get(_NAME)) == _GROUP):
        return
    for holder in (group, *_items(group)):
        is_point = holder.get("ValueType") == "SCOORD" and holder.get("GraphicType") == "POINT"
        if not is_point and not (absent and holder is group):
            continue
        for image in holder.get("ContentSequence") or ():
            if image.get("ValueType") == "IMAGE":
                uid = str(image.get("ReferencedSOPSequence")[0].get("ReferencedSOPInstanceUID"))
                yield uid, tuple(float(value) - 0.5 for value in holder.get("GraphicData")) if is_point else None


def _is_absence(item: Any) -> bool:
    return (_code(item.get(_NAME)), _code(item.get(_VALUE))) == (_PRESENCE, _ABSENT)


def _names(group: Any) -> tuple[str, str]:
    """Label and description of a point. OHIF's identifiers name its tool, and its findings may be a person's words."""
    identifier = _said(group, _IDENTIFIER, "TextValue")
    finding, site = ((_said(group, concept, _VALUE) or [{}])[0] for concept in (_FINDING, _SITE))
    own = "" if str(identifier).startswith("Cornerstone") else identifier
    words = finding.get("CodeMeaning") if finding.get("CodeValue") == "CORNERSTONEFREETEXT" else ""
    structure = site.get("CodeMeaning") or finding.get("CodeMeaning") or ""
    return str(own or words or structure), str(structure)
