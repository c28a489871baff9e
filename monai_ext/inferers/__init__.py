"""From an image to landmarks."""

from .decode_output import Prediction, decode_output
from .predictor import Predictor

__all__ = ["Prediction", "Predictor", "decode_output"]
