"""A reviewed label on its image, with the model's points and their radii, and the reasons to look at it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike

from monai_ext.evaluation import PIXEL, Canvas, Cutout, Marker, checked_rgb, landmark_colors, mark_landmarks
from monai_ext.landmarks import Landmarks

from .rules import Flag
from .study import Evidence

_LONGEST, _MARGIN, _FONT = 1000, 8, 15.0


def draw_review(
    image: ArrayLike,
    label: Landmarks,
    seen: Evidence | None,
    flags: Sequence[Flag],
    path: str | Path,
    *,
    colors: Sequence[str] | None = None,
) -> None:
    """Draws a label (white crosses) and the model's points (rings, in a thin circle of their radius) as a PNG file.

    A radius in mm on pixels that are not square is an ellipse. Without a model the rings are the label.

    Args:
        image: (C, H, W), grey or RGB.
        label: a person's.
        seen: what the model says of the image, or None.
        flags: their sentences are written below.
        path: a ``.png`` file.
        colors: (K,) colours in landmark order, e.g. the protocol's.

    Raises:
        InputError: the image does not fit the label, or the path is no ``.png``.
    """
    rgb = checked_rgb(image, label.frame)
    height, width = rgb.shape[:2]
    scale = _LONGEST / max(width, height)
    view = Cutout((0, 0, width, height), 0, 0, max(1, round(width * scale)), max(1, round(height * scale)))
    legend = ["× label   ○ model's point and its radius" if seen else "○ label (no model)"]
    columns = max(8, int((view.width - 2 * _MARGIN) / (0.6 * _FONT)))
    lines = [piece for line in legend + [flag.sentence for flag in flags] for piece in textwrap.wrap(line, columns)]
    canvas = Canvas(view.width, view.height + round(len(lines) * 1.4 * _FONT + 2 * _MARGIN))
    canvas.show(rgb, view)
    marker = Marker(canvas, view, size=_LONGEST / 150)
    shown = label if seen is None else seen.landmarks.reordered(label.names)
    tints = landmark_colors(shown, colors)
    if seen is not None:
        _draw_radii(canvas, view, shown, seen, tints)
    mark_landmarks(marker, shown, None if seen is None else label, tints, _FONT)
    for row, line in enumerate(lines):
        canvas.text(_MARGIN, view.height + _MARGIN + row * 1.4 * _FONT, line, _FONT, color="#F0F0F0")
    canvas.save(path)


def _draw_radii(canvas: Canvas, view: Cutout, found: Landmarks, seen: Evidence, tints: Sequence[str]) -> None:
    known = found.defined & np.isfinite(seen.radius)
    for k in np.flatnonzero(known).tolist():
        across, down = 2 * seen.radius[k] / found.frame.scale * view.scale
        x, y = view.to_canvas(found.points[k]).tolist()
        ring = Ellipse((x, y), across, down, fill=False, edgecolor=tints[k], zorder=3.8)
        ring.set_linewidth(1.5 * PIXEL)
        ring.set_linestyle("--")
        canvas.axes.add_patch(ring)
