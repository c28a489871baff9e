"""What the labels tell of the models, and what the models and the other labels tell of a label."""

from .agreement_summary import AgreementSummary
from .label_reviewer import LabelReviewer
from .review_note import flags_of

__all__ = ["AgreementSummary", "LabelReviewer", "flags_of"]
