"""Distances that people move proposed points: the accuracy of a model in daily use, on images that are new to it."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .plot import draw_agreement
    from .records import AgreementRecord, agreement_record, read_agreement
    from .summary import THRESHOLDS, VersionAgreement, agreement, agreement_document, summary_document

__all__ = [
    "THRESHOLDS",
    "AgreementRecord",
    "VersionAgreement",
    "agreement",
    "agreement_document",
    "agreement_record",
    "draw_agreement",
    "read_agreement",
    "summary_document",
]

lazy_face(__name__)
