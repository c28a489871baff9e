"""Anatomical landmark detection in 2D medical images, in MONAI's dialect."""

import os
from typing import TYPE_CHECKING

from .faces import lazy_face

# MONAI loads mlflow, which reports its use to its makers where nothing says otherwise.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

if TYPE_CHECKING:
    from . import (
        active,
        commands,
        dicomweb,
        doctor,
        engines,
        evaluation,
        experiments,
        formats,
        images,
        importing,
        inferers,
        landmarks,
        losses,
        metrics,
        model_export,
        models,
        networks,
        phantoms,
        reports,
        structured_reports,
        studies,
        transforms,
    )

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "active",
    "commands",
    "dicomweb",
    "doctor",
    "engines",
    "evaluation",
    "experiments",
    "formats",
    "images",
    "importing",
    "inferers",
    "landmarks",
    "losses",
    "metrics",
    "model_export",
    "models",
    "networks",
    "phantoms",
    "reports",
    "structured_reports",
    "studies",
    "transforms",
]

lazy_face(__name__)
