"""The report page and the model card: evaluations and what belongs to them, for people."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .card_about import ABOUT, NOT_STATED, About, read_about
    from .card_cross_validated import CrossValidated, read_cross_validated
    from .card_facts import Calibrated, MeasuredError, ModelFacts, Training, WorstCase, measured_error, model_facts
    from .cases import case_figure
    from .content import Block, Figure, Note, Page, PictureFolder, Section
    from .groups import Group, comparable_groups, differences
    from .render import model_card_markdown, render_page
    from .result_sections import (
        ablation_section,
        agreement_section,
        reading_section,
        reliability_section,
        simulation_section,
    )
    from .sections import group_sections
    from .sources import EvaluatedModel, Kind, Source, find_sources, read_evaluated
    from .training import training_sections

__all__ = [
    "ABOUT",
    "NOT_STATED",
    "About",
    "Block",
    "Calibrated",
    "CrossValidated",
    "EvaluatedModel",
    "Figure",
    "Group",
    "Kind",
    "MeasuredError",
    "ModelFacts",
    "Note",
    "Page",
    "PictureFolder",
    "Section",
    "Source",
    "Training",
    "WorstCase",
    "ablation_section",
    "agreement_section",
    "case_figure",
    "comparable_groups",
    "differences",
    "find_sources",
    "group_sections",
    "measured_error",
    "model_card_markdown",
    "model_facts",
    "read_about",
    "read_cross_validated",
    "read_evaluated",
    "reading_section",
    "reliability_section",
    "render_page",
    "simulation_section",
    "training_sections",
]

lazy_face(__name__)
