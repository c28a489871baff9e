"""Anatomical landmark detection in 2D medical images, in MONAI's dialect."""

from typing import TYPE_CHECKING

from .faces import lazy_face

if TYPE_CHECKING:
    from . import (
        ablation,
        active,
        calibration,
        commands,
        cross_validation,
        doctor,
        engines,
        evaluation,
        formats,
        images,
        importing,
        inferers,
        landmarks,
        losses,
        metrics,
        networks,
        phantoms,
        studies,
        transforms,
    )

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "ablation",
    "active",
    "calibration",
    "commands",
    "cross_validation",
    "doctor",
    "engines",
    "evaluation",
    "formats",
    "images",
    "importing",
    "inferers",
    "landmarks",
    "losses",
    "metrics",
    "networks",
    "phantoms",
    "studies",
    "transforms",
]

lazy_face(__name__)
