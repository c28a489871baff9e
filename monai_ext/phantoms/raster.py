"""Anti-aliased drawing without a half-pixel bias: filled polygons, strokes, smooth curves.

Pixel centres are at integers: the pixel (i, j) covers the square [j - 0.5, j + 0.5] x [i - 0.5, i + 0.5].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

Float32 = NDArray[np.float32]

#: Scan lines per pixel row; along a scan line the covered length is exact.
SUBLINES = 8


def polygon_coverage(polygon: ArrayLike, height: int, width: int) -> Float32:
    """How much of each pixel a simple closed polygon covers.

    Args:
        polygon: (N, 2) corners (x, y) in pixels, either orientation; parts outside the image are cut off.
        height: rows of the result.
        width: columns of the result.

    Returns:
        (height, width) in [0, 1]; exact along x, averaged over :data:`SUBLINES` lines along y.
    """
    start = np.asarray(polygon, dtype=np.float64)
    end = np.roll(start, -1, axis=0)
    first = int(np.clip(np.floor(start[:, 1].min() + 0.5), 0, height))
    last = int(np.clip(np.ceil(start[:, 1].max() + 0.5), first, height))
    coverage = np.zeros((height, width), dtype=np.float32)
    rows = last - first
    if rows == 0:
        return coverage
    y = (np.arange(rows * SUBLINES) + 0.5) / SUBLINES - 0.5 + first
    below_start, below_end = start[None, :, 1] <= y[:, None], end[None, :, 1] <= y[:, None]
    line, edge = np.nonzero(below_start != below_end)
    a, b = start[edge], end[edge]
    x = a[:, 0] + (y[line] - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
    x = np.clip(x, -0.5, width - 0.5)
    column = np.floor(x + 0.5).astype(np.intp)
    part = column + 0.5 - x  # share of this pixel that lies right of the crossing
    sign = np.where(below_start[line, edge], 1.0, -1.0)
    stride = width + 2
    index = (line // SUBLINES) * stride + column
    delta = np.bincount(index, sign * part, rows * stride) + np.bincount(index + 1, sign * (1 - part), rows * stride)
    total = np.cumsum(delta.reshape(rows, stride), axis=1)[:, :width] / SUBLINES
    coverage[first:last] = np.clip(np.abs(total), 0.0, 1.0)
    return coverage


def stroke_coverage(points: ArrayLike, radii: ArrayLike, height: int, width: int) -> Float32:
    """Coverage by discs along a stroke, the union of all of them with an edge one pixel wide.

    Args:
        points: (N, 2) disc centres (x, y) in pixels, close enough to overlap (see :func:`densify`).
        radii: (N,) or scalar, in pixels; below half a pixel the stroke gets fainter instead of thinner.
        height: rows of the result.
        width: columns of the result.

    Returns:
        (height, width) in [0, 1].
    """
    centers = np.asarray(points, dtype=np.float32).reshape(-1, 2)
    radius = np.broadcast_to(np.asarray(radii, dtype=np.float32), (len(centers),))
    canvas = np.zeros((height, width), dtype=np.float32)
    if len(centers) == 0:
        return canvas
    reach = np.ceil(np.maximum(radius, 0.5) + 0.5).astype(int)
    for half in np.unique(reach):
        chosen = reach == half
        _splat(canvas, centers[chosen], radius[chosen], int(half))
    return canvas


def _splat(canvas: Float32, centers: Float32, radius: Float32, half: int) -> None:
    """Takes the maximum of a canvas and discs that reach at most ``half`` pixels."""
    height, width = canvas.shape
    offset = np.arange(-half, half + 1)
    base = np.rint(centers).astype(np.intp)
    x = base[:, 0, None] + offset
    y = base[:, 1, None] + offset
    square = (x - centers[:, 0, None])[:, None, :] ** 2 + (y - centers[:, 1, None])[:, :, None] ** 2
    disc = np.clip(np.maximum(radius, 0.5)[:, None, None] + 0.5 - np.sqrt(square), 0.0, 1.0)
    disc *= np.minimum(1.0, 2.0 * radius)[:, None, None]
    inside = ((x >= 0) & (x < width))[:, None, :] & ((y >= 0) & (y < height))[:, :, None] & (disc > 0)
    index = (y * width)[:, :, None] + x[:, None, :]
    np.maximum.at(canvas.reshape(-1), index[inside], disc[inside].astype(np.float32))


def densify(lines: Sequence[tuple[ArrayLike, ArrayLike]], step: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Many polylines with a value along each, filled up with points for :func:`stroke_coverage`.

    Args:
        lines: pairs of (N, 2) points and (N,) values; N differs between lines.
        step: largest distance between neighbours, in the unit of the points.

    Returns:
        (M, 2) points and (M,) values, interpolated linearly; the corners of the lines are among them.
    """
    corners = [np.column_stack([points, values]).astype(np.float64) for points, values in lines]
    if not corners:
        return np.zeros((0, 2)), np.zeros(0)
    start = np.concatenate([line[:-1] for line in corners])
    end = np.concatenate([line[1:] for line in corners])
    counts = np.maximum(1, np.ceil(np.hypot(*(end - start)[:, :2].T) / step).astype(int))
    segment = np.repeat(np.arange(len(counts)), counts)
    share = (np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[segment]
    dense = start[segment] + share[:, None] * (end - start)[segment]
    dense = np.concatenate([dense, *(line[-1:] for line in corners)])
    return dense[:, :2], dense[:, 2]


def smooth_curve(control: ArrayLike, count: int, closed: bool = False) -> NDArray[Any]:
    """A cubic spline through control points.

    Args:
        control: (N, 2), N >= 3; all of them lie on the curve.
        count: number of points of the result.
        closed: whether the curve returns to its first point (which is then not repeated at the end).

    Returns:
        (count, 2) points at an even step of chord length.
    """
    knots = np.asarray(control, dtype=np.float64)
    if closed:
        knots = np.concatenate([knots, knots[:1]])
    chord = np.concatenate([[0.0], np.cumsum(np.sqrt(np.hypot(*np.diff(knots, axis=0).T)))])
    spline = CubicSpline(chord, knots, bc_type="periodic" if closed else "natural")
    return spline(np.linspace(0.0, chord[-1], count, endpoint=not closed))


def smooth_step(value: Any, low: float, high: float) -> Any:
    """0 below ``low``, 1 above ``high``, a cubic with level ends between (``low`` may be the larger one)."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
