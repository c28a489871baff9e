"""Inference tasks."""

from .label_matcher import LabelMatcher
from .landmark_infer import LandmarkInfer

__all__ = ["LabelMatcher", "LandmarkInfer"]
