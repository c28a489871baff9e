"""Errors of one or more models in one plot: their cumulative distributions, and boxes for each landmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray

from monai_ext.landmarks import InputError
from monai_ext.metrics import cumulative_error_area

from .plot import GREY, color_of, dress, line_look, marker_of, new_figure, plot_file, save_figure
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


_ROW = 0.28  # inches of one box, at most
_TALLEST = 8.0  # inches of all of them, so that the plot fits on a page
_GAP = 0.7  # boxes between two landmarks
_THIN = {"linewidth": 1.5}  # lines of the legend


def draw_error_boxes(evaluations: Mapping[str, Evaluation], path: str | Path) -> None:
    """Draws a box per landmark and model: quartiles, median, whiskers to 1.5 box lengths, single errors beyond.

    The axis ends at the evaluations' AUC limit unless a box reaches farther; how many errors lie beyond its end stands
    at the right edge.

    Args:
        evaluations: by the name of the model; of one unit and the same landmarks.
        path: a ``.png`` file.

    Raises:
        InputError: there is no measured error, units or landmarks differ, or the path is no ``.png``.
    """
    kinds = {(evaluation.unit, evaluation.names) for evaluation in evaluations.values()}
    if len(kinds) != 1:
        raise InputError(
            "Box plots can only be compared with the same unit and landmarks; evaluate all models in the same way."
        )
    unit, names = kinds.pop()
    errors = {name: _measured(evaluation) for name, evaluation in evaluations.items()}
    limit = max(evaluation.auc_limit for evaluation in evaluations.values())
    draw_boxes(errors, names, limit, f"Error of a landmark [{unit}]", path)


def draw_boxes(
    errors: Mapping[str, Sequence[NDArray[np.float64]]],
    names: Sequence[str],
    limit: float,
    title: str,
    path: str | Path,
    tallest: float = _TALLEST,
) -> None:
    """Draws the boxes of :func:`draw_error_boxes` of any distances.

    Args:
        errors: by the name of what was compared, for each landmark the (n,) distances that were measured.
        names: of the landmarks.
        limit: where the axis ends unless a box reaches farther.
        title: of the axis.
        path: a ``.png`` file.
        tallest: inches of all boxes, at most.

    Raises:
        InputError: there is no distance, or the path is no ``.png``.
    """
    known = [column for columns in errors.values() for column in columns if len(column)]
    if not known:
        raise InputError("No error was measured, so there are no box plots to draw.")
    end = _end(known, limit)
    rows = len(names) * (len(errors) + _GAP)
    figure = new_figure(7.0, 1.3 + min(_ROW * rows, tallest))
    axes = figure.add_subplot()
    for i, columns in enumerate(errors.values()):
        _draw_model(axes, columns, np.arange(len(names)) * (len(errors) + _GAP) + i, i, end)
    step = len(errors) + _GAP
    middles = np.arange(len(names)) * step + (len(errors) - 1) / 2
    axes.set_yticks(middles, [_shortened(name) for name in names], parse_math=False)
    axes.set_ylim(middles[-1] + step / 2, middles[0] - step / 2)
    axes.set_xlim(0, end)
    axes.set_xlabel(title)
    dress(axes, "x")
    handles = [Line2D([], [], **line_look(i, name) | _THIN, marker=marker_of(i)) for i, name in enumerate(errors)]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    save_figure(figure, path)


def _measured(evaluation: Evaluation) -> list[NDArray[np.float64]]:
    """The measured errors of each landmark."""
    errors = np.array([row.errors for row in evaluation.images], dtype=np.float64)
    return [column[~np.isnan(column)] for column in errors.T]


def _end(known: Sequence[NDArray[np.float64]], limit: float) -> float:
    """Right end of the axis."""
    farthest = max(float(column.max()) for column in known)
    boxes = max(float(np.quantile(column, 0.75)) for column in known)
    return max(min(1.05 * farthest, max(limit, 1.2 * boxes)), 1e-9)


def _draw_model(
    axes: Axes, columns: Sequence[NDArray[np.float64]], places: NDArray[np.float64], index: int, end: float
) -> None:
    color, marker = color_of(index), marker_of(index)
    shown = [(column, float(place)) for column, place in zip(columns, places, strict=True) if len(column)]
    if not shown:
        return
    boxes, at = boxplot_stats([column for column, _ in shown]), [place for _, place in shown]
    line = {**line_look(index), "linewidth": 1.3, "zorder": 3}
    axes.bxp(
        boxes,
        positions=at,
        widths=0.7,
        orientation="horizontal",
        manage_ticks=False,
        showcaps=False,
        boxprops=line,
        whiskerprops=line,
        medianprops={"color": "#000000", "linewidth": 1.6, "zorder": 4},
        flierprops={
            "marker": marker, "markersize": 3, "markeredgecolor": color, "markerfacecolor": "none", "zorder": 3
        },
    )  # fmt: skip
    axes.plot([box["med"] for box in boxes], at, marker=marker, color=color, linestyle="none", markersize=5, zorder=5)
    for column, place in shown:
        beyond = int((column > end).sum())
        if beyond:
            axes.annotate(
                f"{beyond} beyond", (1, place), xycoords=("axes fraction", "data"), xytext=(3, 0),
                textcoords="offset points", va="center", fontsize=7, color=color, annotation_clip=False,
            )  # fmt: skip


def _shortened(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
