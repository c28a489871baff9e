"""What a simulation leaves: results.json, table.md and learning_curves.png."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table

from monai_ext.active.reliability import MARKERS
from monai_ext.evaluation.ced_plot import LINE_COLORS, LINE_STYLES
from monai_ext.evaluation.picture import DPI, save_figure
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import write_atomically, write_json_atomically
from monai_ext.networks import machine, versions

from .learning_curve import LearningCurve, learning_curves, reference_error
from .simulation import Simulation

RESULTS, TABLE, PLOT = "results.json", "table.md", "learning_curves.png"
DASH = "–"


def write_simulation(simulation: Simulation, command: str) -> tuple[list[LearningCurve], dict[str, Any]]:
    """Writes the results of the finished cells: the curves, and what ``results.json`` holds."""
    finished = [document for cell in simulation.cells if (document := simulation.finished(cell)) is not None]
    curves = learning_curves(finished, simulation.strategies)
    target = reference_error(curves)
    document = {
        "protocol": simulation.protocol.name,
        "command": command,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(simulation.device),
        "versions": versions(),
        "settings": simulation.settings.model_dump(mode="json"),
        "recipe": simulation.protocol.recipe.model_dump(mode="json"),
        "length": asdict(simulation.length),
        "labels": list(simulation.counts),
        "reported": [image.id for image in simulation.reported],
        "cells_finished": len(finished),
        "cells_asked_for": len(simulation.cells),
        "reference_error": target,
        "labels_needed": {curve.strategy: None if target is None else curve.labels_for(target) for curve in curves},
        "curves": [curve.to_dict() for curve in curves],
        "cells": finished,
    }
    write_json_atomically(simulation.output / RESULTS, document)
    if curves:
        write_atomically(simulation.output / TABLE, _markdown(simulation, curves, len(finished), command))
        draw_curves(curves, simulation.output / PLOT)
    return curves, document


def curve_rows(curves: Sequence[LearningCurve]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the table: the error at each number of labels, and the labels for the error of chance."""
    counts = sorted({point.labels for curve in curves for point in curve.points})
    target = reference_error(curves)
    unit = curves[0].unit
    headings = ["strategy", *(f"{count} labels, {unit}" for count in counts)]
    if target is not None:
        headings.append(f"labels for {target:.2f} {unit}")
    rows = []
    for curve in curves:
        known = {point.labels: point for point in curve.points}
        cells = [
            f"{known[c].mean:.2f} ± {known[c].sd:.2f}" if c in known and len(known[c].errors) > 1
            else f"{known[c].mean:.2f}" if c in known
            else DASH
            for c in counts
        ]  # fmt: skip
        if target is not None:
            needed = curve.labels_for(target)
            cells.append(f"more than {counts[-1]}" if needed is None else f"{needed:.0f}")
        rows.append([curve.strategy, *cells])
    return headings, rows


def curve_table(curves: Sequence[LearningCurve], title: str) -> Table:
    """The table for the terminal."""
    headings, rows = curve_rows(curves)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", no_wrap=not i)
    for row in rows:
        table.add_row(*row)
    return table


def draw_curves(curves: Sequence[LearningCurve], path: str | Path) -> None:
    """Draws the mean error over the number of labels, with a band of one standard deviation over seeds.

    Raises:
        InputError: there is no curve, or the path is no ``.png``.
    """
    if not curves:
        raise InputError("There is no learning curve to draw: no cell is finished.")
    figure = Figure(figsize=(7.0, 4.6), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, curve in enumerate(curves):
        labels = [point.labels for point in curve.points]
        color = LINE_COLORS[i % len(LINE_COLORS)]
        axes.fill_between(
            labels,
            [point.mean - point.sd for point in curve.points],
            [point.mean + point.sd for point in curve.points],
            color=color,
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(
            labels,
            [point.mean for point in curve.points],
            color=color,
            linestyle=LINE_STYLES[i % len(LINE_STYLES)],
            marker=MARKERS[i % len(MARKERS)],
            linewidth=2,
            label=curve.strategy,
            zorder=3 + i,
        )
    target = reference_error(curves)
    if target is not None:
        axes.axhline(target, color="#666666", linewidth=1, zorder=2)
    axes.set_xlabel("Labelled training images")
    axes.set_ylabel(f"Mean error [{curves[0].unit}]")
    axes.set_ylim(bottom=0)
    axes.grid(color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(framealpha=0.9).set_zorder(20)
    save_figure(figure, path)


def _markdown(simulation: Simulation, curves: Sequence[LearningCurve], finished: int, command: str) -> str:
    headings, rows = curve_rows(curves)
    settings = simulation.settings
    start = "the weights of the round before" if settings.warm else "new weights"
    lines = [
        f"# Active learning on {simulation.protocol.title}",
        f"{finished} of {len(simulation.cells)} cells are finished. Numbers are mean ± sample standard deviation over "
        f"seeds of the mean error on the {len(simulation.reported)} validation images. Every training makes "
        f"{simulation.length.steps} optimiser steps from {start}; the first labels of a seed are the same for all "
        f"strategies. Uncertainty: `{settings.measure}`, {settings.reduction} over the landmarks of an image. The "
        "last column: labels for the mean error that chance reaches with all its labels, between rounds on a "
        "straight line.",
        f"Command: `{command}`",
        "\n".join(
            ["| " + " | ".join(headings) + " |", "|:--" + "|--:" * (len(headings) - 1) + "|"]
            + ["| " + " | ".join(row) + " |" for row in rows]
        ),
    ]
    return "\n\n".join(lines) + "\n"
