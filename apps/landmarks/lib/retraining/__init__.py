"""Training that the server begins by itself when enough was labelled."""

from .counter import LabelCounter
from .policy import Retraining

__all__ = ["LabelCounter", "Retraining"]
