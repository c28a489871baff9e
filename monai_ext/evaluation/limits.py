"""Distances that errors are judged by if none are given: those of the field in millimetres, else by image size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from monai_ext.landmarks import Frame, InputError, Landmarks, Unit

from .evaluate import common_unit

#: Success distances of the cephalometric challenges (Wang et al. 2016), in mm.
FIELD_MM = (2.0, 2.5, 3.0, 4.0)
#: Images whose median diagonal is shorter, in mm, show something smaller than a head: 2 mm say little there.
FIELD_DIAGONAL_MM = 100.0
#: The middle distance as a share of the median diagonal of the images, before it is rounded.
SHARE = 0.01


class Limits(NamedTuple):
    """Distances in one unit.

    Attributes:
        thresholds: of the success detection rates, ascending.
        failure: an image fails above this mean error.
        limit: upper end of the area under the cumulative error distribution.
    """

    thresholds: tuple[float, ...]
    failure: float
    limit: float


def fitting_limits(
    truths: Mapping[str, Landmarks],
    unit: Unit | None = None,
    *,
    thresholds: tuple[float, ...] | None = None,
    failure: float | None = None,
    limit: float | None = None,
) -> Limits:
    """The limits that a person named, and for the others those that fit the images.

    In millimetres the thresholds are 2, 2.5, 3 and 4 mm where the median diagonal of the images is 100 mm or more. In
    pixels, and in millimetres of smaller images, they are three neighbouring steps of 1, 2, 5, 10, 20, ..., the middle
    one nearest to 1 % of the median diagonal. The failure threshold is the largest of the thresholds, the limit twice
    the failure threshold.

    Args:
        truths: the labels of the images that are evaluated, by image ID.
        unit: of the evaluation; None takes mm where all images are calibrated.
        thresholds: of the success detection rates, or None.
        failure: failure threshold, or None.
        limit: upper end of the area, or None.

    Raises:
        InputError: there is no image, or ``unit`` is mm but an image is not calibrated.

    Examples:
        >>> truth = Landmarks(("fovea",), [[300, 200]], Frame(511, 365))
        >>> fitting_limits({"a": truth})
        Limits(thresholds=(2.0, 5.0, 10.0), failure=10.0, limit=20.0)
    """
    if thresholds is None:
        thresholds = _thresholds({image: truth.frame for image, truth in truths.items()}, unit)
    failure = max(thresholds) if failure is None else failure
    return Limits(thresholds, failure, 2 * failure if limit is None else limit)


def _thresholds(frames: Mapping[str, Frame], unit: Unit | None) -> tuple[float, ...]:
    if not frames:
        raise InputError("There is nothing to evaluate: give at least one image with a truth and a prediction.")
    unit = unit or common_unit(frames.values())
    diagonal = float(np.median([_diagonal(image, frame, unit) for image, frame in frames.items()]))
    if unit == "mm" and diagonal >= FIELD_DIAGONAL_MM:
        return FIELD_MM
    return _steps_about(SHARE * diagonal)


def _diagonal(image: str, frame: Frame, unit: Unit) -> float:
    if unit == "px":
        return math.hypot(frame.width, frame.height)
    if frame.spacing is None:
        raise InputError(f"Image {image} has no known pixel size, so the evaluation cannot be in mm; use px.")
    return math.hypot(frame.width * frame.spacing[0], frame.height * frame.spacing[1])


def _steps_about(middle: float) -> tuple[float, ...]:
    """The step of 1, 2, 5, 10, ... nearest to a length in ratio, between its neighbours."""
    power = math.floor(math.log10(middle))
    steps = [float(f"{digit}e{exponent}") for exponent in range(power - 1, power + 3) for digit in (1, 2, 5)]
    nearest = min(range(1, len(steps) - 1), key=lambda i: abs(math.log(steps[i] / middle)))
    return tuple(steps[nearest - 1 : nearest + 2])
