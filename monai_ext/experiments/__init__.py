"""Series of training runs, resumable cell by cell: ablations, cross-validations, simulations of active learning."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .ablation import Ablation
    from .ablation_results import draw_plots, row_costs, write_results
    from .ablation_rows import row_names, row_protocol, under_recipe
    from .ablation_scores import Measures, RowScores
    from .ablation_table import accuracy_tables, by_size, cost_table
    from .cells import Cell, Length, Size, parse_sizes, subset
    from .costs import Costs
    from .cross_validation import CrossValidation
    from .cross_validation_results import relative_table, write_cross_validation
    from .folds import Fold, fold_images
    from .learning_curve import LearningCurve
    from .out_of_fold import OutOfFold
    from .progress import Progress
    from .settings import RECIPES, CrossValidationSettings, RecipeName, Settings, SimulationSettings
    from .simulation import Simulation
    from .simulation_results import curve_table, write_simulation

__all__ = [
    "RECIPES",
    "Ablation",
    "Cell",
    "Costs",
    "CrossValidation",
    "CrossValidationSettings",
    "Fold",
    "LearningCurve",
    "Length",
    "Measures",
    "OutOfFold",
    "Progress",
    "RecipeName",
    "RowScores",
    "Settings",
    "Simulation",
    "SimulationSettings",
    "Size",
    "accuracy_tables",
    "by_size",
    "cost_table",
    "curve_table",
    "draw_plots",
    "fold_images",
    "parse_sizes",
    "relative_table",
    "row_costs",
    "row_names",
    "row_protocol",
    "subset",
    "under_recipe",
    "write_cross_validation",
    "write_results",
    "write_simulation",
]

lazy_face(__name__)
