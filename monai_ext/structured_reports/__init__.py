"""Landmarks and measurements as DICOM structured reports (SR), written and read back."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .codes import PRIVATE_SCHEME, coded
    from .read import NoSuchLandmarkError, ReportedLandmarks, is_structured_report, read_report
    from .study import EXTENSION, REPORTS, write_reports
    from .write import Observers, structured_report

__all__ = [
    "EXTENSION",
    "PRIVATE_SCHEME",
    "REPORTS",
    "NoSuchLandmarkError",
    "Observers",
    "ReportedLandmarks",
    "coded",
    "is_structured_report",
    "read_report",
    "structured_report",
    "write_reports",
]

lazy_face(__name__)
