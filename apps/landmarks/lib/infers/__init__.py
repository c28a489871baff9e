"""Inference tasks."""

from .landmark_infer import LandmarkInfer

__all__ = ["LandmarkInfer"]
