"""Predictions for several people at once: a bounded number runs, some wait their turn, equal ones are made once."""

from .desk import AnswerCache, InferenceDesk, Reply, SharedWork
from .slots import Check, InferenceSlots, SlotCounts

__all__ = ["AnswerCache", "Check", "InferenceDesk", "InferenceSlots", "Reply", "SharedWork", "SlotCounts"]
