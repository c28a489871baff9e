"""The card of a model for people: what it is for, what it was made from, and how wrong it is."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .about import ABOUT, NOT_STATED, About, read_about
    from .cross_validated import CrossValidated, read_cross_validated
    from .facts import Calibrated, MeasuredError, ModelFacts, Training, measured_error, model_facts
    from .markdown import model_card_markdown

__all__ = [
    "ABOUT",
    "NOT_STATED",
    "About",
    "Calibrated",
    "CrossValidated",
    "MeasuredError",
    "ModelFacts",
    "Training",
    "measured_error",
    "model_card_markdown",
    "model_facts",
    "read_about",
    "read_cross_validated",
]

lazy_face(__name__)
