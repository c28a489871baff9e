"""Faster copies of trained networks that answer as the networks themselves do."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .fold_batch_norm import Folding, fold_batch_norms
    from .optimize import InferenceReport, optimize_for_inference

__all__ = ["Folding", "InferenceReport", "fold_batch_norms", "optimize_for_inference"]

lazy_face(__name__)
