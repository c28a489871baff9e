"""From an image to landmarks."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .decode_output import Prediction, decode_output
    from .image_score import Reduction, image_score
    from .predictions import Predictions, Source
    from .predictor import Predictor

__all__ = [
    "Prediction",
    "Predictions",
    "Predictor",
    "Reduction",
    "Source",
    "decode_output",
    "image_score",
]

lazy_face(__name__)
