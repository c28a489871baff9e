"""Evaluation of landmark predictions: scores, tables and pictures."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .bootstrap import Interval, difference_interval, mean_interval, ratio_interval
    from .camera_change import ChangedImage, change_camera
    from .contact_sheet import draw_case, draw_worst_cases, worst_images
    from .error_plots import draw_boxes, draw_ced, draw_error_boxes
    from .evaluate import Pair, aligned_pairs, common_unit, distances, evaluate_landmarks, with_presence
    from .factors import OF_IMAGE, OF_LANDMARK, Factor, Factors, image_factors, measure_factors
    from .failure_causes import FailureCauses, cause_masks, find_causes, read_causes
    from .limits import Limits, fitting_limits
    from .marks import PIXEL, Marker
    from .model_evaluation import Measures, Reading, evaluate_model
    from .normalized import NormalizedScores, normalize_scores
    from .overlay import checked_rgb, draw_overlay, landmark_colors, mark_landmarks
    from .picture import Canvas, Cutout
    from .plot import (
        DPI,
        GREY,
        LINE_COLORS,
        color_of,
        dress,
        line_look,
        literal,
        marker_of,
        new_figure,
        plot_file,
        save_figure,
    )
    from .readers.compared import Comparison, compare_noted, compare_predictions, compare_readers
    from .readers.document import agreement_document, agreement_table, draw_distances, write_distances
    from .recorded_points import RecordedPoints, read_points, record_points
    from .scores import Cause, Evaluation, GroupErrors, ImageScores, Number, Result, Scores, finite
    from .table import DASH, Table, counted, percent, readable_date, rounded, significant, with_spread
    from .tables import comparison_table, landmark_table, overall_table, write_error_csv

__all__ = [
    "DASH",
    "DPI",
    "GREY",
    "LINE_COLORS",
    "OF_IMAGE",
    "OF_LANDMARK",
    "PIXEL",
    "Canvas",
    "Cause",
    "ChangedImage",
    "Comparison",
    "Cutout",
    "Evaluation",
    "Factor",
    "Factors",
    "FailureCauses",
    "GroupErrors",
    "ImageScores",
    "Interval",
    "Limits",
    "Marker",
    "Measures",
    "NormalizedScores",
    "Number",
    "Pair",
    "Reading",
    "RecordedPoints",
    "Result",
    "Scores",
    "Table",
    "agreement_document",
    "agreement_table",
    "aligned_pairs",
    "cause_masks",
    "change_camera",
    "checked_rgb",
    "color_of",
    "common_unit",
    "compare_noted",
    "compare_predictions",
    "compare_readers",
    "comparison_table",
    "counted",
    "difference_interval",
    "distances",
    "draw_boxes",
    "draw_case",
    "draw_ced",
    "draw_distances",
    "draw_error_boxes",
    "draw_overlay",
    "draw_worst_cases",
    "dress",
    "evaluate_landmarks",
    "evaluate_model",
    "find_causes",
    "finite",
    "fitting_limits",
    "image_factors",
    "landmark_colors",
    "landmark_table",
    "line_look",
    "literal",
    "mark_landmarks",
    "marker_of",
    "mean_interval",
    "measure_factors",
    "new_figure",
    "normalize_scores",
    "overall_table",
    "percent",
    "plot_file",
    "ratio_interval",
    "read_causes",
    "read_points",
    "readable_date",
    "record_points",
    "rounded",
    "save_figure",
    "significant",
    "with_presence",
    "with_spread",
    "worst_images",
    "write_distances",
    "write_error_csv",
]

lazy_face(__name__)
