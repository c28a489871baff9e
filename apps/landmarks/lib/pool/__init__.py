"""Scores of the images of the studies by models, made in the background while no prediction is waiting.

Other parts of the app see the same by a :class:`Looker`.
"""

from .eye import Looker, Sight
from .image_pool import ImagePool
from .score_table import ImageScore, Origin, ScoreTable

__all__ = ["ImagePool", "ImageScore", "Looker", "Origin", "ScoreTable", "Sight"]
