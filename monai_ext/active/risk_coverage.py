"""Selective prediction: how much better the answers become when the least sure ones are rejected."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from monai_ext.landmarks import FloatArray, InputError


class RiskCoverage(NamedTuple):
    """The mean error of the answers that are kept, over the share that is kept.

    Attributes:
        coverage: (N,) shares 1/N to 1.
        risk: (N,) mean error of that share with the least uncertainty.
        area: mean of the risks: the area under the curve (AURC of Geifman et al., ICLR 2019).
        best_area: that of an uncertainty that knows the errors.
        chance_area: that of an uncertainty that knows nothing: the mean error.
    """

    coverage: FloatArray
    risk: FloatArray
    area: float
    best_area: float
    chance_area: float

    @property
    def gain(self) -> float | None:
        """0 where the uncertainty is no better than chance, 1 where it knows the errors; None where they are equal."""
        possible = self.chance_area - self.best_area
        return (self.chance_area - self.area) / possible if possible > 0 else None

    def risk_at(self, coverage: float) -> float:
        """The mean error when at least this share is kept, above 0 and up to 1."""
        return float(self.risk[max(0, int(np.ceil(coverage * len(self.risk) - 1e-9)) - 1)])


def risk_coverage(uncertainty: ArrayLike, errors: ArrayLike) -> RiskCoverage:
    """The curve of (N,) uncertainties and errors; pairs in which either is NaN do not count.

    Answers of equal uncertainty have no order: each counts with their mean error.

    Raises:
        InputError: shapes that differ, or no pair.
    """
    unsure, wrong = _pairs(uncertainty, errors)
    kept = np.arange(1, len(wrong) + 1)
    risk = _ordered(unsure, wrong).cumsum() / kept
    best = np.sort(wrong).cumsum() / kept
    return RiskCoverage(kept / len(kept), risk, float(risk.mean()), float(best.mean()), float(wrong.mean()))


def spearman(uncertainty: ArrayLike, errors: ArrayLike) -> float | None:
    """Spearman's rank correlation of (N,) uncertainties and errors, ties at their mean rank.

    None where it is not known: fewer than two pairs, or all of one value. Pairs with NaN do not count.

    Raises:
        InputError: shapes that differ.
    """
    unsure, wrong = _known(uncertainty, errors)
    if len(unsure) < 2 or np.ptp(unsure) == 0 or np.ptp(wrong) == 0:
        return None
    return float(np.corrcoef(rankdata(unsure), rankdata(wrong))[0, 1])


def _ordered(unsure: FloatArray, wrong: FloatArray) -> FloatArray:
    """The errors by rising uncertainty, each of equal uncertainty replaced by their mean."""
    _, group = np.unique(unsure, return_inverse=True)
    means = np.bincount(group, weights=wrong) / np.bincount(group)
    return means[np.sort(group)]


def _known(uncertainty: ArrayLike, errors: ArrayLike) -> tuple[FloatArray, FloatArray]:
    unsure, wrong = (np.asarray(values, dtype=np.float64) for values in (uncertainty, errors))
    if unsure.ndim != 1 or unsure.shape != wrong.shape:
        raise InputError(f"Uncertainties and errors have one shape (N,), not {unsure.shape} and {wrong.shape}.")
    both = ~(np.isnan(unsure) | np.isnan(wrong))
    return unsure[both], wrong[both]


def _pairs(uncertainty: ArrayLike, errors: ArrayLike) -> tuple[FloatArray, FloatArray]:
    unsure, wrong = _known(uncertainty, errors)
    if not len(unsure):
        raise InputError("There is no landmark with an uncertainty and an error: label some images completely.")
    return unsure, wrong
