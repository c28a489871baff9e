"""Which image to label next."""

from .first import First
from .random import Random

__all__ = ["First", "Random"]
