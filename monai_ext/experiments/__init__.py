"""Series of training runs, resumable cell by cell: ablations, cross-validations, simulations of active learning."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .ablation import Ablation, Settings
    from .ablation_results import write_results
    from .ablation_rows import RECIPES, row_names, row_protocol, under_recipe
    from .ablation_scores import Measures, RowScores
    from .cells import Cell, Length, Size, parse_sizes, subset
    from .cross_validation import CrossValidation, CrossValidationSettings
    from .folds import Fold, fold_images
    from .out_of_fold import OutOfFold
    from .progress import Progress

__all__ = [
    "RECIPES",
    "Ablation",
    "Cell",
    "CrossValidation",
    "CrossValidationSettings",
    "Fold",
    "Length",
    "Measures",
    "OutOfFold",
    "Progress",
    "RowScores",
    "Settings",
    "Size",
    "fold_images",
    "parse_sizes",
    "row_names",
    "row_protocol",
    "subset",
    "under_recipe",
    "write_results",
]

lazy_face(__name__)
