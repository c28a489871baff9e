"""Evaluation of landmark predictions: scores, tables and pictures."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .camera_change import ChangedImage, change_camera
    from .ced_plot import draw_ced
    from .comparison import comparison_table
    from .contact_sheet import draw_worst_cases, worst_images
    from .model_evaluation import Measures, Reading, evaluate_model
    from .normalized import NormalizedScores, normalize_scores
    from .overlay import draw_overlay
    from .readers.compared import Comparison, compare_noted, compare_predictions, compare_readers
    from .readers.document import agreement_document, agreement_table, write_distances
    from .readers.picture import draw_distances
    from .recorded_points import record_points
    from .report import evaluate_landmarks
    from .scores import Evaluation, ImageScores, Scores
    from .tables import landmark_table, overall_table, write_error_csv

__all__ = [
    "ChangedImage",
    "Comparison",
    "Evaluation",
    "ImageScores",
    "Measures",
    "NormalizedScores",
    "Reading",
    "Scores",
    "agreement_document",
    "agreement_table",
    "change_camera",
    "compare_noted",
    "compare_predictions",
    "compare_readers",
    "comparison_table",
    "draw_ced",
    "draw_distances",
    "draw_overlay",
    "draw_worst_cases",
    "evaluate_landmarks",
    "evaluate_model",
    "landmark_table",
    "normalize_scores",
    "overall_table",
    "record_points",
    "worst_images",
    "write_distances",
    "write_error_csv",
]

lazy_face(__name__)
