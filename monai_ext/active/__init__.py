"""What a model is unsure of: measures, calibration, which image to label next, and simulations of it."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from monai_ext.inferers import Predictions, image_score

    from .features import encoder_features
    from .measure import UncertaintyMeasure
    from .measures import MEASURES, available_measures, find_measure
    from .observer import Observer
    from .selection import STRATEGIES, Candidates, select

__all__ = [
    "MEASURES",
    "STRATEGIES",
    "Candidates",
    "Observer",
    "Predictions",
    "UncertaintyMeasure",
    "available_measures",
    "encoder_features",
    "find_measure",
    "image_score",
    "select",
]

lazy_face(__name__)
