"""Cumulative error distributions of one or more models in one plot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from monai_ext.landmarks import InputError
from monai_ext.metrics import cumulative_error_area

from .plot import GREY, line_look, plot_file
from .scores import Evaluation


def draw_step_line(axes: Axes, errors: ArrayLike, limit: float, **look: Any) -> Line2D:
    """Draws the cumulative distribution of (N,) mean errors from 0 to at least ``limit``; NaN do not count."""
    known = np.asarray(errors, dtype=np.float64)
    line = axes.ecdf(known[~np.isnan(known)], **look)
    x, shares = (np.asarray(values) for values in line.get_data())
    line.set_data(np.r_[0.0, x, max(limit, x[-1])], np.r_[0.0, shares, 1.0])
    return line


def draw_ced(evaluations: Mapping[str, Evaluation], path: str | Path, *, limit: float | None = None) -> None:
    """Draws the share of images whose mean error is at most e, over e, and writes a PNG file.

    The legend names each model with the area under its curve up to the limit; a thin vertical line marks the failure
    threshold where all evaluations share one.

    Args:
        evaluations: by the name of the model.
        path: a ``.png`` file.
        limit: right end of the axis and limit of the areas, in the evaluations' unit; None takes their AUC limit.

    Raises:
        InputError: there is no evaluation, units differ, AUC limits differ and no limit is given, an evaluation has
            no measurable image, or the path is no ``.png``.
    """
    if not evaluations:
        raise InputError("No error distribution can be drawn without an evaluation; give at least one.")
    units = {evaluation.unit for evaluation in evaluations.values()}
    if len(units) > 1:
        raise InputError("Some evaluations are in mm and some in px; evaluate all of them in px to draw them together.")
    limits = sorted({evaluation.auc_limit for evaluation in evaluations.values()}) if limit is None else [limit]
    if len(limits) > 1:
        raise InputError(f"The evaluations have different AUC limits {limits}; give one limit for the plot.")
    for name, evaluation in evaluations.items():
        if not evaluation.images_measured:
            raise InputError(f"The evaluation {name!r} has no measurable image, so it has no error distribution.")
    end = limits[0]
    failures = {evaluation.failure_threshold for evaluation in evaluations.values()}
    with plot_file(path) as axes:
        for index, (name, evaluation) in enumerate(evaluations.items()):
            errors = [row.error for row in evaluation.images]
            area = float(cumulative_error_area(torch.tensor(errors, dtype=torch.float64), end))
            draw_step_line(axes, errors, end, **line_look(index, f"{name} (AUC {area:.3f})"))
        if len(failures) == 1 and min(failures) < end:
            axes.axvline(min(failures), color=GREY, linewidth=1, zorder=2)
            axes.annotate(
                "failure threshold", (min(failures), 0.4), xytext=(3, 0), textcoords="offset points", rotation=90,
                color=GREY, fontsize=8,
            )  # fmt: skip
        axes.set_xlim(0, end)
        axes.set_ylim(0, 1.01)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel(f"Mean error of an image [{units.pop()}]")
        axes.set_ylabel("Images with at most this error")
        axes.legend(loc="lower right", framealpha=0.9)
