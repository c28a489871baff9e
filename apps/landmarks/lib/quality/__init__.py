"""Quality: agreement of people with the models, and what the models and the other labels say of a label."""

from .agreement_summary import AgreementSummary
from .label_reviewer import LabelReviewer
from .review_note import flags_of

__all__ = ["AgreementSummary", "LabelReviewer", "flags_of"]
