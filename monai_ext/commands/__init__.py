"""The commands of ``monai-landmarks``, one per file; where two belong together they share one."""

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
    "uncertainty",
]

lazy_face(__name__)
