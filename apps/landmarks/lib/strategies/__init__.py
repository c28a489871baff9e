"""Which image to label next."""

from .first import First
from .offers import Offers
from .random import Random
from .scored import DESCRIPTIONS, Scored

__all__ = ["DESCRIPTIONS", "First", "Offers", "Random", "Scored"]
