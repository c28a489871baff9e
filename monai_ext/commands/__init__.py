"""The commands of ``monai-landmarks``, one per file; two that belong together share one."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from . import (
        ablate,
        agreement,
        cross_validate,
        doctor,
        evaluate,
        export,
        export_model,
        familiarity,
        import_table,
        measure,
        model_card,
        model_versions,
        predict,
        remap,
        report,
        review,
        sample_data,
        serve,
        simulate_active_learning,
        simulate_camera_change,
        train,
        train_source,
        uncertainty,
    )
    from .console import say

__all__ = [
    "ablate",
    "agreement",
    "cross_validate",
    "doctor",
    "evaluate",
    "export",
    "export_model",
    "familiarity",
    "import_table",
    "measure",
    "model_card",
    "model_versions",
    "predict",
    "remap",
    "report",
    "review",
    "sample_data",
    "say",
    "serve",
    "simulate_active_learning",
    "simulate_camera_change",
    "train",
    "train_source",
    "uncertainty",
]

lazy_face(__name__)
