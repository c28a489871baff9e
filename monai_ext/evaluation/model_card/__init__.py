"""The card of a model for people: what it is for, what it was made from, and how wrong it is."""

from .about import ABOUT, NOT_STATED, About, read_about
from .facts import Calibrated, MeasuredError, ModelFacts, Training, measured_error, model_facts
from .markdown import model_card_markdown

__all__ = [
    "ABOUT",
    "NOT_STATED",
    "About",
    "Calibrated",
    "MeasuredError",
    "ModelFacts",
    "Training",
    "measured_error",
    "model_card_markdown",
    "model_facts",
    "read_about",
]
