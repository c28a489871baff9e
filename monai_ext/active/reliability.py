"""Promised and observed coverage of radii, as a table and as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray

from monai_ext.evaluation import GREY, line_look, marker_of, plot_file
from monai_ext.landmarks import InputError
from monai_ext.models import conformal_quantiles, conformal_scores

#: Coverages that are looked at.
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

#: Parts that the images are divided into; each is judged by radii fitted to the others.
FOLDS = 5


class ReliabilityRow(NamedTuple):
    """One coverage.

    Attributes:
        expected: the coverage that was requested.
        observed: share of true points within their radii; None if no landmark could be calibrated.
        points: how many were judged.
    """

    expected: float
    observed: float | None
    points: int


def reliability(
    errors: ArrayLike,
    scale: ArrayLike | None = None,
    *,
    smoothing: float = 0.0,
    levels: Sequence[float] = LEVELS,
    part: NDArray[np.intp] | None = None,
) -> list[ReliabilityRow]:
    """Measures how often conformal radii hold points of images that they were not fitted on.

    Each image is judged by radii fitted to the other parts. Landmarks with too few errors
    for a coverage are left out of its row.

    Args:
        errors: (N, K), NaN where not known.
        scale: (N, K) uncertainties that the radii are proportional to, or None.
        smoothing: added to them.
        levels: coverages.
        part: (N,) numbers from 0 of the part that each image is in; None for five parts, image n in ``n % 5``.

    Raises:
        InputError: as :meth:`~monai_ext.models.ConformalRadius.fit`.
    """
    known = np.asarray(errors, dtype=np.float64)
    names = [str(k) for k in range(known.shape[-1])]
    scores = conformal_scores(known, scale, smoothing, names)
    part = np.arange(len(scores)) % FOLDS if part is None else part
    rows = []
    for level in levels:
        limits = np.array([conformal_quantiles(scores[part != fold], level) for fold in range(int(part.max()) + 1)])
        limits = limits[part]
        judged = ~np.isnan(scores) & ~np.isnan(limits)
        held = (scores <= limits) & judged
        count = int(judged.sum())
        rows.append(ReliabilityRow(level, float(held.sum() / count) if count else None, count))
    return rows


def reliability_document(rows: Sequence[ReliabilityRow]) -> list[dict[str, Any]]:
    """The table as JSON."""
    return [row._asdict() for row in rows]


def draw_reliability(tables: Mapping[str, Sequence[ReliabilityRow]], path: str | Path) -> None:
    """Draws observed over expected coverage, a line with markers for each table, and writes a PNG file.

    Raises:
        InputError: no table has a coverage that could be observed, or the path is no ``.png``.
    """
    lines = {name: [row for row in rows if row.observed is not None] for name, rows in tables.items()}
    if not any(lines.values()):
        raise InputError("No coverage could be measured, so the reliability cannot be drawn: label more images.")
    low = min(row.expected for rows in lines.values() for row in rows)
    with plot_file(path, 5.0) as axes:
        axes.plot([low, 1], [low, 1], color=GREY, linewidth=1, zorder=2, label="as promised")
        for i, (name, rows) in enumerate(lines.items()):
            shares = [row.observed or 0.0 for row in rows]
            axes.plot([row.expected for row in rows], shares, marker=marker_of(i), **line_look(i, name))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel("Coverage that was asked for")
        axes.set_ylabel("True points within their radius")
        axes.legend(loc="upper left", framealpha=0.9)
