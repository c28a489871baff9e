"""Comparison of measures of uncertainty by how well they know where a model is wrong: a row for each."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from monai_ext.evaluation import GREY, Result, Table, line_look, plot_file, rounded
from monai_ext.inferers import Reduction, image_score
from monai_ext.landmarks import FloatArray, InputError
from monai_ext.models import RadiusUnit

from .judgement import Judgement
from .measure import MeasureUnit, UncertaintyMeasure


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
        """0 where the uncertainty is no better than chance, 1 where it knows the errors; None if they are equal."""
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

    None if it is not known: fewer than two pairs, or all of one value. Pairs with NaN do not count.

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


#: Shares of the answers that are kept.
KEPT = (0.9, 0.8, 0.5)


class MeasureRow(Result):
    """Quality of one measure as a predictor of errors.

    Attributes:
        measure: name.
        unit: of its values.
        landmarks: answers with an error.
        spearman: rank correlation of uncertainty and error over landmarks; None if not known.
        spearman_images: of the image's score and its mean error over images.
        error: mean over all landmarks.
        kept_error: mean of the surest landmarks, by the share that is kept.
        area: under the risk-coverage curve.
        gain: 0 no better than chance, 1 as good as knowing the errors; None if all errors are equal.
    """

    measure: str
    unit: MeasureUnit
    landmarks: int
    spearman: float | None
    spearman_images: float | None
    error: float
    kept_error: dict[float, float]
    area: float
    gain: float | None


def compare_measures(
    judgement: Judgement, measures: Sequence[UncertaintyMeasure], reduction: Reduction = "mean"
) -> list[MeasureRow]:
    """The rows of all measures, in their order.

    Raises:
        InputError: no landmark has an error.
    """
    image_error = _image_errors(judgement.errors)
    status = torch.from_numpy(judgement.status)
    rows = []
    for measure in measures:
        values = judgement.values[measure.name]
        curve = risk_coverage(values.ravel(), judgement.errors.ravel())
        scores = image_score(torch.from_numpy(values), status, reduction).numpy()
        rows.append(
            MeasureRow(
                measure=measure.name,
                unit=measure.unit,
                landmarks=len(curve.risk),
                spearman=spearman(values.ravel(), judgement.errors.ravel()),
                spearman_images=spearman(scores, image_error),
                error=curve.chance_area,
                kept_error={share: curve.risk_at(share) for share in KEPT},
                area=curve.area,
                gain=curve.gain,
            )
        )
    return rows


def measure_table(rows: Sequence[MeasureRow], unit: RadiusUnit, title: str) -> Table:
    """The rows for the terminal; errors and areas are in ``unit``."""
    caption = (
        f"ρ: rank correlation of uncertainty and error. Mean error in {unit} of all landmarks and of the surest; its "
        "area over all shares. Gain: 0 as chance, 1 as the errors themselves."
    )
    kept = [f"{share:.0%}" for share in KEPT]
    largest = max((max(row.error, *row.kept_error.values(), row.area) for row in rows), default=0.0)
    digits = max(0, 4 - len(f"{largest:.0f}"))  # so that a row has room on a terminal of 80 columns
    cells = []
    for row in rows:
        name = row.measure if row.unit == "1" else f"{row.measure} {row.unit}"
        lengths = [f"{length:.{digits}f}" for length in (row.error, *row.kept_error.values(), row.area)]
        shares = [rounded(share, 2) for share in (row.spearman, row.spearman_images, row.gain)]
        cells.append([name, *shares[:2], *lengths, shares[2]])
    headings = ["measure", "ρ", "ρ images", "error", *kept, "area", "gain"]
    return Table(headings, cells, title, caption, dense=True)


def draw_risk_coverage(judgement: Judgement, path: str | Path) -> None:
    """Draws the mean error of the kept landmarks over the share that is kept, a line for each measure, as a PNG file.

    Raises:
        InputError: no landmark has an error, or the path is no ``.png``.
    """
    errors = judgement.errors.ravel()
    curves = {name: risk_coverage(values.ravel(), errors) for name, values in judgement.values.items()}
    best = risk_coverage(errors, errors)
    with plot_file(path) as axes:
        for i, (name, curve) in enumerate(curves.items()):
            axes.plot(curve.coverage, curve.risk, **line_look(i, f"{name} (area {curve.area:.2f})"))
        axes.plot(best.coverage, best.risk, color=GREY, linewidth=1, label="the errors themselves", zorder=2)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("Landmarks that are kept, the surest first")
        axes.set_ylabel(f"Their mean error [{judgement.observed.unit}]")
        axes.figure.legend(loc="outside lower center", ncols=3, frameon=False)


def _image_errors(errors: FloatArray) -> FloatArray:
    """(N,) mean of the known errors of each image; NaN where none is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a mean of nothing
        return np.asarray(np.nanmean(errors, axis=1))
