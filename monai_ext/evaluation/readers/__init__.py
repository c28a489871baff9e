"""Distances between two readers of the same images, beside those of a network from each of them."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .compared import Comparison, LandmarkRow, compare, compare_noted, compare_predictions, compare_readers
    from .document import agreement_document, agreement_table, draw_distances, write_distances

__all__ = [
    "Comparison",
    "LandmarkRow",
    "agreement_document",
    "agreement_table",
    "compare",
    "compare_noted",
    "compare_predictions",
    "compare_readers",
    "draw_distances",
    "write_distances",
]

lazy_face(__name__)
