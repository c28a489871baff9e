"""Landmarks and measurements as DICOM structured reports (SR), written and read back."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .codes import PRIVATE_SCHEME, coded
    from .read import NoSuchLandmarkError, ReportedLandmarks, is_structured_report, read_report
    from .study import EXTENSION, REPORTS, write_reports
    from .write import MAKER, SERIES, Observers, series_description, structured_report

__all__ = [
    "EXTENSION",
    "MAKER",
    "PRIVATE_SCHEME",
    "REPORTS",
    "SERIES",
    "NoSuchLandmarkError",
    "Observers",
    "ReportedLandmarks",
    "coded",
    "is_structured_report",
    "read_report",
    "series_description",
    "structured_report",
    "write_reports",
]

lazy_face(__name__)
