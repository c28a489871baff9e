"""Which measure of uncertainty knows best where a model is wrong: a row for each."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.ticker import PercentFormatter

from monai_ext.evaluation import GREY, Result, Table, line_look, plot_file, rounded
from monai_ext.inferers import Reduction, image_score
from monai_ext.landmarks.geometry import FloatArray, Unit

from .judgement import Judgement
from .measure import MeasureUnit, UncertaintyMeasure
from .risk_coverage import risk_coverage, spearman

#: Shares of the answers that are kept.
KEPT = (0.9, 0.8, 0.5)


class MeasureRow(Result):
    """How well one measure tells errors.

    Attributes:
        measure: name.
        unit: of its values.
        landmarks: answers with an error.
        spearman: rank correlation of uncertainty and error over landmarks; None where not known.
        spearman_images: of the image's score and its mean error over images.
        error: mean over all landmarks.
        kept_error: mean of the surest landmarks, by the share that is kept.
        area: under the risk-coverage curve.
        gain: 0 no better than chance, 1 as good as knowing the errors; None where all errors are equal.
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


def measure_table(rows: Sequence[MeasureRow], unit: Unit, title: str) -> Table:
    """The rows for the terminal; errors and areas are in ``unit``."""
    caption = (
        f"ρ: rank correlation of uncertainty and error. Mean error in {unit} of all landmarks and of the surest; its "
        "area over all shares. Gain: 0 as chance, 1 as the errors themselves."
    )
    kept = [f"{share:.0%}" for share in KEPT]
    cells = []
    for row in rows:
        name = row.measure if row.unit == "1" else f"{row.measure} {row.unit}"
        lengths = [f"{length:.3f}" for length in (row.error, *row.kept_error.values(), row.area)]
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
        axes.get_figure().legend(loc="outside lower center", ncols=3, frameon=False)


def _image_errors(errors: FloatArray) -> FloatArray:
    """(N,) mean of the known errors of each image; NaN where none is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a mean of nothing
        return np.asarray(np.nanmean(errors, axis=1))
