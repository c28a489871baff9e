"""The error that a round of labelling is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monai_ext.evaluation.report import Pair
from monai_ext.landmarks import InputError
from monai_ext.landmarks.geometry import Unit


def mean_error(pairs: Sequence[Pair]) -> tuple[float, Unit]:
    """The mean distance over all truly defined landmarks of all images, in mm where all are calibrated, else px.

    Raises:
        InputError: no landmark is defined.
    """
    unit: Unit = "mm" if all(truth.frame.spacing is not None for _, truth, _ in pairs) else "px"
    errors = []
    for _, truth, found in pairs:
        step = (found.points - truth.points)[truth.defined]
        errors.append(np.linalg.norm(step * truth.frame.scale if unit == "mm" else step, axis=1))
    distances = np.concatenate(errors)
    if not len(distances):
        raise InputError("The validation images have no defined landmark: label one of them completely.")
    return float(distances.mean()), unit
