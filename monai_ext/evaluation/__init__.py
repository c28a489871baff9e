"""Evaluation of landmark predictions: scores, tables and pictures."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .ced_plot import draw_ced
    from .comparison import comparison_table
    from .contact_sheet import draw_worst_cases, worst_images
    from .normalized import NormalizedScores, normalize_scores
    from .overlay import draw_overlay
    from .report import evaluate_landmarks
    from .scores import Evaluation, ImageScores, Scores
    from .tables import landmark_table, overall_table, write_error_csv

__all__ = [
    "Evaluation",
    "ImageScores",
    "NormalizedScores",
    "Scores",
    "comparison_table",
    "draw_ced",
    "draw_overlay",
    "draw_worst_cases",
    "evaluate_landmarks",
    "landmark_table",
    "normalize_scores",
    "overall_table",
    "worst_images",
    "write_error_csv",
]

lazy_face(__name__)
