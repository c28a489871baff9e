"""From an image to landmarks."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .decode_output import Prediction, decode_output
    from .predictor import Predictor

__all__ = ["Prediction", "Predictor", "decode_output"]

lazy_face(__name__)
