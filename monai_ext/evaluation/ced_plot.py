"""Cumulative error distributions of one or more models in one plot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from monai_ext.landmarks import InputError
from monai_ext.metrics import cumulative_error_area, cumulative_error_steps

from .picture import DPI, save_figure
from .scores import Evaluation

#: Okabe and Ito's colours that are dark enough for lines on white.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

#: Told apart without colour, and after the colours are used up.
LINE_STYLES = ("-", "--", "-.", ":")


def step_line(errors: torch.Tensor, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """The corners of the step function CED from 0 to ``limit``, for (N,) mean errors per image."""
    ordered, shares = (values.numpy() for values in cumulative_error_steps(errors))
    shown = ordered <= limit
    x = np.concatenate([[0.0], ordered[shown], [limit]])
    y = np.concatenate([[0.0], shares[shown]])
    return np.repeat(x, 2)[1:-1], np.repeat(y, 2)


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
        raise InputError("There is no error distribution to draw; give at least one evaluation.")
    units = {evaluation.unit for evaluation in evaluations.values()}
    if len(units) > 1:
        raise InputError("Some evaluations are in mm and some in px; evaluate all of them in px to draw them together.")
    limits = sorted({evaluation.auc_limit for evaluation in evaluations.values()}) if limit is None else [limit]
    if len(limits) > 1:
        raise InputError(f"The evaluations have different AUC limits {limits}; give one limit for the plot.")
    end = limits[0]

    figure = Figure(figsize=(7.0, 4.6), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for index, (name, evaluation) in enumerate(evaluations.items()):
        if not evaluation.images_measured:
            raise InputError(f"The evaluation {name!r} has no measurable image, hence no error distribution.")
        errors = torch.tensor([row.error for row in evaluation.images], dtype=torch.float64)
        area = float(cumulative_error_area(errors, end))
        axes.plot(
            *step_line(errors, end),
            color=LINE_COLORS[index % len(LINE_COLORS)],
            linestyle=LINE_STYLES[index % len(LINE_STYLES)],
            linewidth=2,
            label=f"{name} (AUC {area:.3f})".replace("$", r"\$"),
            zorder=3 + index,
        )
    failures = {evaluation.failure_threshold for evaluation in evaluations.values()}
    if len(failures) == 1 and min(failures) < end:
        axes.axvline(min(failures), color="#666666", linewidth=1, zorder=2)
        axes.annotate(
            "failure threshold",
            (min(failures), 0.4),
            xytext=(3, 0),
            textcoords="offset points",
            rotation=90,
            color="#666666",
            fontsize=8,
        )
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.01)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(f"Mean error of an image [{units.pop()}]")
    axes.set_ylabel("Images with at most this error")
    axes.grid(color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", framealpha=0.9)
    save_figure(figure, path)
