"""Predictions for several people at once: what makes one, a bounded number that run, and equal ones made once."""

from .desk import AnswerCache, InferenceDesk, Reply, SharedWork
from .label_matcher import LabelMatcher
from .landmark_infer import LandmarkInfer
from .slots import Check, InferenceSlots, SlotCounts

__all__ = [
    "AnswerCache",
    "Check",
    "InferenceDesk",
    "InferenceSlots",
    "LabelMatcher",
    "LandmarkInfer",
    "Reply",
    "SharedWork",
    "SlotCounts",
]
