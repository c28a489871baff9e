"""Landmark metrics in PyTorch: pure functions and one cumulative MONAI metric."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .image_error import (
        cumulative_error,
        cumulative_error_area,
        cumulative_error_steps,
        failure_rate,
        image_errors,
    )
    from .landmark_metric import LandmarkMetric, PresenceCounts, presence_counts
    from .radial_error import (
        ErrorStatistics,
        error_statistics,
        normalized_errors,
        pair_distances,
        radial_errors,
        within,
    )

__all__ = [
    "ErrorStatistics",
    "LandmarkMetric",
    "PresenceCounts",
    "cumulative_error",
    "cumulative_error_area",
    "cumulative_error_steps",
    "error_statistics",
    "failure_rate",
    "image_errors",
    "normalized_errors",
    "pair_distances",
    "presence_counts",
    "radial_errors",
    "within",
]

lazy_face(__name__)
