"""Predictions for several people at once: a bounded number runs, some wait their turn, equal ones are made once."""

from .answer import Answer
from .answer_cache import AnswerCache
from .desk import InferenceDesk
from .shared_work import SharedWork
from .slots import Check, InferenceSlots, SlotCounts
from .waiting import wait_for_answer

__all__ = [
    "Answer",
    "AnswerCache",
    "Check",
    "InferenceDesk",
    "InferenceSlots",
    "SharedWork",
    "SlotCounts",
    "wait_for_answer",
]
