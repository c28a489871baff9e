"""Radii that hold the truth with a stated probability: split-conformal prediction on errors of validation images.

Vovk et al., Algorithmic Learning in a Random World, 2005; the variant with a scale is that of Lei et al., JASA 2018.
Symbols: N images, K landmarks. An error that is not known is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from monai_ext.landmarks import FloatArray, Frame, InputError, NotNegative, Strict, Unit

#: What radii are fitted in: a unit of lengths, or percent of the width that a network's input shows of an image. That
#: is the diameter of the lit circle of a fundus photograph where ``network.field_of_view`` scales it into the input, so
#: that a radius holds for a photograph of any size.
RadiusUnit: TypeAlias = Literal[Unit, "%"]

#: What rounding may add to a rank that is a whole number, e.g. 100 * 0.07.
ROUNDING = 1e-9


def conformal_rank(count: int, coverage: float) -> int | None:
    """The rank of that of ``count`` rising scores which bounds a new one with the coverage: ceil((n + 1) * coverage).

    None if there are too few: a new score lies above all n known ones in one of n + 1 cases.

    Examples:
        >>> conformal_rank(18, 0.95), conformal_rank(19, 0.95), conformal_rank(100, 0.95)
        (None, 19, 96)
    """
    rank = math.ceil((count + 1) * coverage - ROUNDING)
    return rank if rank <= count else None


def fewest_errors(coverage: float) -> int:
    """The fewest errors that a coverage can be had from: 19 for 95 %."""
    return math.ceil(1 / (1 - coverage) - ROUNDING) - 1


def check_coverage(coverage: float) -> float:
    """The coverage, if it is one.

    Raises:
        InputError: it does not lie between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise InputError(f"A coverage must lie between 0 and 1, e.g. 0.95, not {coverage}.")
    return coverage


class ConformalRadius(Strict):
    """For each landmark the radius about a predicted point that holds the true one with a probability.

    The promise holds for images that are exchangeable with those that it was fitted on, on the average over sets of
    such images, whatever the model does and whatever the errors are distributed like. Plain numbers: ``model_dump``
    and ``model_validate`` make and read JSON.

    Args:
        coverage: the probability.
        unit: of the radii.
        landmarks: K names.
        counts: errors that were known of each.
        quantiles: what each radius is, or is of the scale; None if there were too few errors: not calibrated.
        scaled_by: name of the measure of uncertainty that a radius is proportional to; None for one radius for all.
        smoothing: what is added to that measure before it scales.
    """

    coverage: Annotated[float, Field(gt=0, lt=1)]
    unit: RadiusUnit
    landmarks: tuple[str, ...]
    counts: tuple[Annotated[int, Field(ge=0)], ...]
    quantiles: tuple[NotNegative | None, ...]
    scaled_by: str | None = None
    smoothing: NotNegative = 0.0

    @model_validator(mode="after")
    def _one_for_each(self) -> ConformalRadius:
        if not len(self.landmarks) == len(self.counts) == len(self.quantiles):
            raise ValueError(
                f"{len(self.landmarks)} landmarks need as many counts and quantiles, "
                f"not {len(self.counts)} and {len(self.quantiles)}"
            )
        return self

    @classmethod
    def fit(
        cls,
        errors: ArrayLike,
        landmarks: Sequence[str],
        *,
        coverage: float = 0.95,
        unit: RadiusUnit = "px",
        scale: ArrayLike | None = None,
        scaled_by: str | None = None,
        smoothing: float = 0.0,
    ) -> ConformalRadius:
        """Fits radii to the errors of images that the model has not learned from.

        Args:
            errors: (N, K) distances in ``unit``; NaN where the landmark is absent or was not annotated.
            landmarks: K names.
            coverage: the probability wanted, between 0 and 1.
            unit: of the errors.
            scale: (N, K) uncertainties, for radii that are larger where the model is less sure; else all alike.
            scaled_by: name of their measure.
            smoothing: added to them, so that a landmark of uncertainty 0 gets a radius too; chosen without the errors.

        Raises:
            InputError: shapes that do not fit, a negative or infinite error, a scale that is not positive where an
                error is known, a coverage that is not between 0 and 1.
        """
        check_coverage(coverage)
        if (scale is None) != (scaled_by is None):
            raise InputError("A scale and the name of its measure must be given together.")
        scores = conformal_scores(errors, scale, smoothing, landmarks)
        counts = (~np.isnan(scores)).sum(0)
        return cls(
            coverage=coverage,
            unit=unit,
            landmarks=tuple(landmarks),
            counts=tuple(counts.tolist()),
            quantiles=tuple(None if math.isnan(q) else q for q in conformal_quantiles(scores, coverage).tolist()),
            scaled_by=scaled_by,
            smoothing=smoothing,
        )

    def radius(self, scale: ArrayLike | None = None) -> FloatArray:
        """The radii in ``unit``: (K,), or (..., K) for uncertainties of that shape; NaN where not calibrated.

        Args:
            scale: (..., K) values of the measure ``scaled_by``; given where there is one.

        Raises:
            InputError: the scale is missing, is not wanted, or has another number of landmarks.
        """
        quantiles = np.array([math.nan if q is None else q for q in self.quantiles])
        if self.scaled_by is None:
            if scale is not None:
                raise InputError("These radii are the same for all images: leave out the scale.")
            return quantiles
        if scale is None:
            raise InputError(f"These radii are proportional to the uncertainty {self.scaled_by!r}: give it as scale.")
        widths = np.asarray(scale, dtype=np.float64)
        if widths.shape[-1:] != quantiles.shape:
            raise InputError(f"A scale for {len(quantiles)} landmarks is (..., {len(quantiles)}), not {widths.shape}.")
        widths = widths + self.smoothing
        # a scale of 0 would promise a point without any error
        return quantiles * np.where(widths > 0, widths, np.nan)


def conformal_scores(
    errors: ArrayLike, scale: ArrayLike | None, smoothing: float, landmarks: Sequence[str]
) -> FloatArray:
    """(N, K) errors, over their scale where there is one; NaN where not known.

    Raises:
        InputError: as :meth:`ConformalRadius.fit`.
    """
    known = np.asarray(errors, dtype=np.float64)
    if known.ndim != 2 or known.shape[1] != len(landmarks):
        raise InputError(
            f"Errors of {len(landmarks)} landmarks have the shape (N, {len(landmarks)}), not {known.shape}."
        )
    if (known < 0).any() or np.isinf(known).any():
        raise InputError("An error must be a distance of 0 or more, or NaN if unknown; some are neither.")
    if scale is None:
        return known
    widths = np.asarray(scale, dtype=np.float64)
    if widths.shape != known.shape:
        raise InputError(f"A scale must have the shape of the errors {known.shape}, not {widths.shape}.")
    widths = widths + smoothing
    wrong = ~np.isnan(known) & ~((widths > 0) & np.isfinite(widths))
    if wrong.any():
        n, k = np.argwhere(wrong)[0].tolist()
        raise InputError(
            f"The scale of {landmarks[k]} in image {n} is {widths[n, k]:g} and must be positive where an error is "
            "known: give a smoothing above 0."
        )
    return known / np.where(wrong | np.isnan(known), 1.0, widths)


def conformal_quantiles(scores: FloatArray, coverage: float) -> FloatArray:
    """(K,) quantiles of (N, K) scores, NaN where there are too few; scores that are NaN do not count."""
    ordered = np.sort(scores, axis=0)  # NaN last
    ranks = [conformal_rank(int(count), coverage) for count in (~np.isnan(scores)).sum(0)]
    return np.array([np.nan if r is None else ordered[r - 1, k] if r else 0.0 for k, r in enumerate(ranks)])


#: Largest relative difference of the two sides of a pixel that counts as square.
SQUARE = 1e-3


def answer_radii(radius: ConformalRadius, uncertainty: ArrayLike, frame: Frame, shown: float = math.nan) -> FloatArray:
    """(K,) radii in the unit of an image; NaN where there is none.

    A radius in mm says nothing of an image of unknown pixel size. One in px becomes mm where pixels are square; where
    they are not, a circle on them is none on the body, and there is no radius.

    Args:
        radius: as it was fitted.
        uncertainty: (K,) values of the measure that scaled radii are proportional to, in the unit of the image.
        frame: of the image.
        shown: width in its pixels of what the network's input shows of it, which radii in % are of.
    """
    length = fitted_unit_length(radius.unit, frame, shown)
    scale = None if radius.scaled_by is None else np.asarray(uncertainty, dtype=np.float64) / length
    return radius.radius(scale) * length


def fitted_unit_length(fitted: RadiusUnit, frame: Frame, shown: float = math.nan) -> float:
    """The length of the unit that a radius was fitted in, in the unit of an image; NaN where that is not known.

    Args:
        fitted: the unit.
        frame: of the image.
        shown: as :func:`answer_radii`.
    """
    if fitted == frame.unit:
        return 1.0
    across, down = frame.scale.tolist()
    if fitted == "mm" or abs(across - down) > SQUARE * max(across, down):
        return float("nan")
    return float(max(across, down)) * (shown / 100 if fitted == "%" else 1.0)
