"""How far people move the points that a model proposes: its accuracy in daily use, on images that are new to it."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .document import agreement_document, summary_document
    from .plot import draw_agreement
    from .reading import read_agreement
    from .record import AgreementRecord, agreement_record
    from .summary import THRESHOLDS, VersionAgreement, agreement

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
