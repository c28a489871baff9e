"""Labels that are worth a second look: far from the model's points, exchanged, in an order that no other label has."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .orders import FEWEST_LABELS, Orders, shares
    from .picture import draw_review
    from .rules import FACTOR, KINDS, SURE, Flag, Kind, implausible, not_judged, severity
    from .study import (
        REVIEWED,
        Evidence,
        FinalLabels,
        ReviewedLabel,
        never_judged,
        read_final_labels,
        review_labels,
    )

__all__ = [
    "FACTOR",
    "FEWEST_LABELS",
    "KINDS",
    "REVIEWED",
    "SURE",
    "Evidence",
    "FinalLabels",
    "Flag",
    "Kind",
    "Orders",
    "ReviewedLabel",
    "draw_review",
    "implausible",
    "never_judged",
    "not_judged",
    "read_final_labels",
    "review_labels",
    "severity",
    "shares",
]

lazy_face(__name__)
