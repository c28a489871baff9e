"""What the labels tell of the models, and what the models and the other labels tell of a label."""

from .agreement_summary import AgreementSummary
from .label_reviewer import LabelReviewer
from .review_note import flags_of
from .scoring_methods import AgreementScoring, ReviewScoring

__all__ = ["AgreementScoring", "AgreementSummary", "LabelReviewer", "ReviewScoring", "flags_of"]
