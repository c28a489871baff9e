"""Cross-validation: every image answered by a model that has not seen it."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .cross_validation import CrossValidation, CrossValidationSettings
    from .folds import Fold, fold_images
    from .reading import OutOfFold

__all__ = ["CrossValidation", "CrossValidationSettings", "Fold", "OutOfFold", "fold_images"]

lazy_face(__name__)
