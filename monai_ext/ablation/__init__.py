"""Ablations: the rows of a paper's table trained under one recipe, with seeds and sizes, resumable cell by cell."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .cells import Cell, Length, Size, parse_sizes, subset
    from .progress import Progress
    from .results import write_results
    from .rows import RECIPES, row_names, row_protocol, under_recipe
    from .runner import Ablation, Settings
    from .scores import Measures, RowScores

__all__ = [
    "RECIPES",
    "Ablation",
    "Cell",
    "Length",
    "Measures",
    "Progress",
    "RowScores",
    "Settings",
    "Size",
    "parse_sizes",
    "row_names",
    "row_protocol",
    "subset",
    "under_recipe",
    "write_results",
]

lazy_face(__name__)
