"""Evaluations and what belongs to them on one HTML page that needs nothing beside it."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .content import Figure, Note, Page, PictureFolder, Section, Table
    from .evaluated import EvaluatedModel, read_evaluated
    from .groups import Group, comparable_groups, differences
    from .reading import reading_section
    from .render import render_page
    from .sections import group_sections
    from .sources import Kind, Source, find_sources
    from .training import training_sections

__all__ = [
    "EvaluatedModel",
    "Figure",
    "Group",
    "Kind",
    "Note",
    "Page",
    "PictureFolder",
    "Section",
    "Source",
    "Table",
    "comparable_groups",
    "differences",
    "find_sources",
    "group_sections",
    "read_evaluated",
    "reading_section",
    "render_page",
    "training_sections",
]

lazy_face(__name__)
