"""Codes of landmarks and measurements: those of the protocol, else private ones made of their names."""

from __future__ import annotations

import hashlib

from pydicom.sr.coding import Code

from monai_ext.landmarks import LandmarkDefinition, Measurement

#: Coding scheme of names that a protocol gives no code for; schemes that begin with 99 are private (DICOM PS3.16, 8).
PRIVATE_SCHEME = "99LANDMARKS"
#: Longest value of a code (Code Value, VR SH).
VALUE_LENGTH = 16

MEASUREMENT_GROUP = Code("125007", "DCM", "Measurement Group")
TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")
FINDING_SITE = Code("363698007", "SCT", "Finding Site")
FINDING = Code("121071", "DCM", "Finding")
ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical structure")
IMAGING_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
SOURCE_OF_MEASUREMENT = Code("121112", "DCM", "Source of Measurement")
PRESENCE = Code("121052", "DCM", "Presence of property")
ABSENT = Code("272519000", "SCT", "Absent")
PERSON_OBSERVER = Code("121008", "DCM", "Person Observer Name")
DEVICE_MODEL = Code("121015", "DCM", "Device Observer Model Name")

UNITS = {
    "mm": Code("mm", "UCUM", "mm"),
    "deg": Code("deg", "UCUM", "deg"),
    "1": Code("1", "UCUM", "no units"),
    "px": Code("{pixels}", "UCUM", "pixels"),
}


def coded(item: LandmarkDefinition | Measurement) -> Code:
    """The code of a landmark or measurement: the protocol's, else a private one whose meaning is the name.

    A name too long for the value of a code is cut and told apart by a digest of the whole.
    """
    if item.code is not None:
        return Code(item.code.value, item.code.scheme, item.code.meaning)
    name, digest = item.name, hashlib.blake2s(item.name.encode(), digest_size=3).hexdigest()
    value = name if len(name) <= VALUE_LENGTH else f"{name[: VALUE_LENGTH - 1 - len(digest)]}-{digest}"
    return Code(value, PRIVATE_SCHEME, name.replace("_", " "))
