"""Uncertainty of models: measures, their comparison, the next images to label, and the review of labels."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from monai_ext.inferers import Predictions, image_score

    from .agreement.plot import draw_agreement
    from .agreement.records import AgreementRecord, agreement_record, read_agreement
    from .agreement.summary import agreement_document, summary_document
    from .judgement import common_unit, judge_images
    from .measure import DEFAULT_MEASURE, UncertaintyMeasure
    from .measure_comparison import compare_measures, draw_risk_coverage, measure_table
    from .measures import MEASURES, available_measures, find_measure
    from .observer import Observer
    from .radius_coverage import coverage_table, radius_coverage, total_sentence
    from .reliability import ReliabilityRow, draw_reliability, reliability, reliability_document
    from .review.orders import FEWEST_LABELS, Orders, shares
    from .review.picture import draw_review
    from .review.rules import FACTOR, Flag, implausible
    from .review.study import (
        REVIEWED,
        Evidence,
        FinalLabels,
        ReviewedLabel,
        never_judged,
        read_final_labels,
        review_labels,
    )
    from .selection import STRATEGIES, USES_FEATURES, USES_SCORES, Candidates, by_chance, select

__all__ = [
    "DEFAULT_MEASURE",
    "FACTOR",
    "FEWEST_LABELS",
    "MEASURES",
    "REVIEWED",
    "STRATEGIES",
    "USES_FEATURES",
    "USES_SCORES",
    "AgreementRecord",
    "Candidates",
    "Evidence",
    "FinalLabels",
    "Flag",
    "Observer",
    "Orders",
    "Predictions",
    "ReliabilityRow",
    "ReviewedLabel",
    "UncertaintyMeasure",
    "agreement_document",
    "agreement_record",
    "available_measures",
    "by_chance",
    "common_unit",
    "compare_measures",
    "coverage_table",
    "draw_agreement",
    "draw_reliability",
    "draw_review",
    "draw_risk_coverage",
    "find_measure",
    "image_score",
    "implausible",
    "judge_images",
    "measure_table",
    "never_judged",
    "radius_coverage",
    "read_agreement",
    "read_final_labels",
    "reliability",
    "reliability_document",
    "review_labels",
    "select",
    "shares",
    "summary_document",
    "total_sentence",
]

lazy_face(__name__)
