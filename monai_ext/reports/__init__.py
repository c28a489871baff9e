"""The report page and the model card: evaluations and what belongs to them, for people."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .ablation_section import ablation_section
    from .active_sections import agreement_section, reliability_section, simulation_section
    from .card_about import ABOUT, NOT_STATED, About, read_about
    from .card_cross_validated import CrossValidated, read_cross_validated
    from .card_facts import (
        Calibrated,
        MeasuredError,
        ModelFacts,
        Training,
        WorstCase,
        finite,
        measured_error,
        model_facts,
    )
    from .card_markdown import model_card_markdown
    from .cases import case_figure
    from .content import Figure, Note, Page, PictureFolder, Section, Table
    from .evaluated import EvaluatedModel, read_evaluated
    from .groups import Group, comparable_groups, differences
    from .reading import reading_section
    from .render import render_page
    from .sections import group_sections
    from .sources import Kind, Source, find_sources
    from .training import training_sections

__all__ = [
    "ABOUT",
    "NOT_STATED",
    "About",
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
    "Table",
    "Training",
    "WorstCase",
    "ablation_section",
    "agreement_section",
    "case_figure",
    "comparable_groups",
    "differences",
    "find_sources",
    "finite",
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
