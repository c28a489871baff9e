"""From an image to landmarks."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .image_score import Reduction, image_score
    from .predictor import Answer, Predictor
    from .read_output import SOURCES, ImageBatch, Predictions, Source, load_batch, read_output
    from .uncertainty import map_radius, observed, probabilities, uncertainty_of

__all__ = [
    "SOURCES",
    "Answer",
    "ImageBatch",
    "Predictions",
    "Predictor",
    "Reduction",
    "Source",
    "image_score",
    "load_batch",
    "map_radius",
    "observed",
    "probabilities",
    "read_output",
    "uncertainty_of",
]

lazy_face(__name__)
