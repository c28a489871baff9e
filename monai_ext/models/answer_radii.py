"""The radii of one answer, in its unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from monai_ext.landmarks import FloatArray, Frame, Unit

from .conformal import ConformalRadius

#: Largest relative difference of the two sides of a pixel that counts as square.
SQUARE = 1e-3


def answer_radii(radius: ConformalRadius, uncertainty: ArrayLike, frame: Frame) -> FloatArray:
    """(K,) radii in the unit of an image; NaN where there is none.

    A radius in mm says nothing of an image of unknown pixel size. One in px becomes mm where pixels are square; where
    they are not, a circle on them is none on the body, and there is no radius.

    Args:
        radius: as it was fitted.
        uncertainty: (K,) values of the measure that scaled radii are proportional to, in the unit of the image.
        frame: of the image.
    """
    length = fitted_unit_length(radius.unit, frame)
    scale = None if radius.scaled_by is None else np.asarray(uncertainty, dtype=np.float64) / length
    return radius.radius(scale) * length


def fitted_unit_length(fitted: Unit, frame: Frame) -> float:
    """The length of the unit that a radius was fitted in, in the unit of an image; NaN where that is not known."""
    if fitted == frame.unit:
        return 1.0
    across, down = frame.scale.tolist()
    if fitted == "mm" or abs(across - down) > SQUARE * max(across, down):
        return float("nan")
    return float(max(across, down))
