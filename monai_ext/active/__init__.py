"""What a model is unsure of: measures, calibration, which image to label next, and simulations of it."""

from .calibration import Calibration, read_calibration, write_calibration
from .conformal import ConformalRadius
from .features import encoder_features
from .measure import UncertaintyMeasure, image_score
from .measures import MEASURES, available_measures, find_measure
from .observer import Observer
from .pool import PoolView, view_pool
from .predictions import Predictions
from .presence_threshold import PresenceThreshold
from .selection import STRATEGIES, Candidates, select

__all__ = [
    "MEASURES",
    "STRATEGIES",
    "Calibration",
    "Candidates",
    "ConformalRadius",
    "Observer",
    "PoolView",
    "Predictions",
    "PresenceThreshold",
    "UncertaintyMeasure",
    "available_measures",
    "encoder_features",
    "find_measure",
    "image_score",
    "read_calibration",
    "select",
    "view_pool",
    "write_calibration",
]
