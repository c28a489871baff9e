"""Series of training runs, resumable cell by cell: ablations, cross-validations, simulations of active learning."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .ablation import Ablation, Cell, parse_sizes, subset
    from .ablation_results import accuracy_tables, by_size, cost_table, draw_plots, row_costs, write_results
    from .ablation_rows import row_names, row_protocol, under_recipe
    from .ablation_scores import AblationMeasures, RowScores, Size
    from .cell_folder import CellFolder
    from .costs import Costs
    from .cross_validation import CrossValidation, Fold, fold_images
    from .cross_validation_results import COPIES, PLAIN, RESULTS, relative_table, write_cross_validation
    from .out_of_fold import OutOfFold, RelativeScores
    from .predictions import ReadOut, read_predictions
    from .series import Progress, Series, length
    from .settings import (
        RECIPES,
        AblationSettings,
        CrossValidationSettings,
        RecipeName,
        SeriesSettings,
        SimulationSettings,
    )
    from .simulation import PoolView, Simulation, view_pool
    from .simulation_results import (
        CurvePoint,
        LearningCurve,
        curve_table,
        draw_curves,
        learning_curves,
        reference_error,
        write_simulation,
    )

__all__ = [
    "COPIES",
    "PLAIN",
    "RECIPES",
    "RESULTS",
    "Ablation",
    "AblationMeasures",
    "AblationSettings",
    "Cell",
    "CellFolder",
    "Costs",
    "CrossValidation",
    "CrossValidationSettings",
    "CurvePoint",
    "Fold",
    "LearningCurve",
    "OutOfFold",
    "PoolView",
    "Progress",
    "ReadOut",
    "RecipeName",
    "RelativeScores",
    "RowScores",
    "Series",
    "SeriesSettings",
    "Simulation",
    "SimulationSettings",
    "Size",
    "accuracy_tables",
    "by_size",
    "cost_table",
    "curve_table",
    "draw_curves",
    "draw_plots",
    "fold_images",
    "learning_curves",
    "length",
    "parse_sizes",
    "read_predictions",
    "reference_error",
    "relative_table",
    "row_costs",
    "row_names",
    "row_protocol",
    "subset",
    "under_recipe",
    "view_pool",
    "write_cross_validation",
    "write_results",
    "write_simulation",
]

lazy_face(__name__)
