"""Results of a simulation: error against number of labels, as results.json, table.md and learning_curves.png."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from monai_ext.evaluation import DASH, GREY, Table, color_of, line_look, marker_of, plot_file, with_spread
from monai_ext.landmarks import InputError, Unit, write_atomically, write_json_atomically

from .rounds import INITIAL
from .simulation import Simulation

#: The strategy that the others are compared with.
REFERENCE = "random"


@dataclass(frozen=True)
class CurvePoint:
    """The error at one number of labels.

    Attributes:
        labels: how many.
        errors: by seed.
    """

    labels: int
    errors: Mapping[int, float]

    @property
    def mean(self) -> float:
        """Over seeds."""
        return statistics.fmean(self.errors.values())

    @property
    def sd(self) -> float:
        """Sample standard deviation over seeds; 0 of one seed."""
        return statistics.stdev(self.errors.values()) if len(self.errors) > 1 else 0.0

    @property
    def text(self) -> str:
        """Mean ± standard deviation, without the latter of one seed."""
        return with_spread(self.mean, self.sd if len(self.errors) > 1 else math.nan, 2)


@dataclass(frozen=True)
class LearningCurve:
    """The errors of one strategy by rising number of labels.

    Attributes:
        strategy: name.
        unit: of the errors.
        points: those numbers of labels that at least one seed reached.
    """

    strategy: str
    unit: Unit
    points: tuple[CurvePoint, ...]

    def labels_for(self, error: float) -> float | None:
        """The first number of labels that brings the mean error down to this, between rounds on a straight line.

        None if none of them does.
        """
        before: CurvePoint | None = None
        for point in self.points:
            if point.mean <= error:
                if before is None or point.mean == before.mean:
                    return float(point.labels)
                share = (before.mean - error) / (before.mean - point.mean)
                return before.labels + share * (point.labels - before.labels)
            before = point
        return None

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON."""
        points = [
            {"labels": p.labels, "mean": p.mean, "sd": p.sd, "seeds": {str(s): e for s, e in p.errors.items()}}
            for p in self.points
        ]
        return {"strategy": self.strategy, "unit": self.unit, "points": points}


def learning_curves(documents: Sequence[Mapping[str, Any]], strategies: Sequence[str]) -> list[LearningCurve]:
    """The curves of strategies, each beginning with the first labels that all share.

    A number of labels counts the seeds that have finished it.

    Args:
        documents: of finished cells: ``strategy``, ``labels``, ``seed``, ``error``, ``unit``.
        strategies: in the order wanted; those without a finished cell are left out.

    Raises:
        InputError: some errors are in mm and some in px.
    """
    if len({document["unit"] for document in documents}) > 1:
        raise InputError("The errors of some cells are in mm and of others in px, so that no curve can be drawn.")
    curves = []
    for strategy in strategies:
        found: dict[int, dict[int, float]] = {}
        own = [d for d in documents if d["strategy"] in (INITIAL, strategy)]
        for document in own:
            found.setdefault(document["labels"], {})[document["seed"]] = document["error"]
        points = tuple(CurvePoint(labels, dict(sorted(found[labels].items()))) for labels in sorted(found))
        if points:
            curves.append(LearningCurve(strategy, own[0]["unit"], points))
    return curves


def reference_error(curves: Sequence[LearningCurve]) -> float | None:
    """The mean error that labels drawn by chance reach with all that were given; None if none were."""
    return next((curve.points[-1].mean for curve in curves if curve.strategy == REFERENCE), None)


RESULTS, TABLE, PLOT = "results.json", "table.md", "learning_curves.png"


def write_simulation(simulation: Simulation, command: str) -> tuple[list[LearningCurve], dict[str, Any]]:
    """Writes the results of the finished cells: the curves, and what ``results.json`` holds."""
    finished = simulation.finished_cells()
    curves = learning_curves(finished, simulation.strategies)
    target = reference_error(curves)
    document = {
        "protocol": simulation.protocol.name,
        **simulation.origin(command),
        "settings": simulation.settings.recorded(),
        "recipe": simulation.given.recipe.model_dump(mode="json"),
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


def curve_table(curves: Sequence[LearningCurve], title: str = "") -> Table:
    """The error at each number of labels, and the labels for the error of chance, a row for each strategy."""
    counts = sorted({point.labels for curve in curves for point in curve.points})
    target = reference_error(curves)
    unit = curves[0].unit
    headings = ["strategy", *(f"{count} labels, {unit}" for count in counts)]
    if target is not None:
        headings.append(f"labels for {target:.2f} {unit}")
    rows = []
    for curve in curves:
        known = {point.labels: point for point in curve.points}
        cells = [DASH if (point := known.get(count)) is None else point.text for count in counts]
        if target is not None:
            needed = curve.labels_for(target)
            cells.append(f"more than {counts[-1]}" if needed is None else f"{needed:.0f}")
        rows.append([curve.strategy, *cells])
    return Table(headings, rows, title, wraps=None)


def draw_curves(curves: Sequence[LearningCurve], path: str | Path) -> None:
    """Draws the mean error over the number of labels, with a band of one standard deviation over seeds.

    Raises:
        InputError: there is no curve, or the path is no ``.png``.
    """
    if not curves:
        raise InputError("No learning curve can be drawn: no cell is finished.")
    target = reference_error(curves)
    with plot_file(path) as axes:
        for i, curve in enumerate(curves):
            labels = [point.labels for point in curve.points]
            means, sds = ([getattr(point, key) for point in curve.points] for key in ("mean", "sd"))
            below = [mean - sd for mean, sd in zip(means, sds, strict=True)]
            above = [mean + sd for mean, sd in zip(means, sds, strict=True)]
            axes.fill_between(labels, below, above, color=color_of(i), alpha=0.15, linewidth=0)
            axes.plot(labels, means, marker=marker_of(i), **line_look(i, curve.strategy))
        if target is not None:
            axes.axhline(target, color=GREY, linewidth=1, zorder=2)
        axes.set_xlabel("Labelled training images")
        axes.set_ylabel(f"Mean error [{curves[0].unit}]")
        axes.set_ylim(bottom=0)
        axes.legend(framealpha=0.9).set_zorder(20)


def _markdown(simulation: Simulation, curves: Sequence[LearningCurve], finished: int, command: str) -> str:
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
        curve_table(curves).markdown(gap=""),
    ]
    return "\n\n".join(lines) + "\n"
