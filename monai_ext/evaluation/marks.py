"""The marks of landmarks on a canvas: rings for predictions, crosses for the truth, and names that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, Ellipse, Patch, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from monai_ext.landmarks import FloatArray

from .picture import Canvas, Cutout
from .plot import DPI

TRUTH_COLOR = "#FFFFFF"
PIXEL = 72 / DPI  #: one canvas pixel in points, matplotlib's unit of line widths and fonts

#: Directions in which a name may stand from its mark, the preferred first: (right, down) steps.
_DIRECTIONS = np.array([(1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)], dtype=np.float64)
_DISTANCES = (1.0, 2.2, 4.0)


def halo(color: Any) -> str:
    """Black or white, whichever stands out against a colour."""
    red, green, blue = to_rgb(color)
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.4 else "#FFFFFF"


def lighter(color: Any) -> tuple[float, ...]:
    """The colour mixed with white, for text on dark: the darker, the more."""
    channels = np.array(to_rgb(color))
    share = 0.65 if halo(color) == "#FFFFFF" else 0.5
    return tuple(channels * (1 - share) + share)


class Marker:
    """Draws landmarks inside one view of a canvas, clipped to it.

    Args:
        canvas: where to draw.
        view: maps image pixels to the canvas.
        size: radius of a prediction's ring in canvas pixels.
    """

    def __init__(self, canvas: Canvas, view: Cutout, size: float) -> None:
        self.canvas, self.view, self.size = canvas, view, size
        self._clip = Rectangle(
            (view.left - 0.5, view.top - 0.5), view.width, view.height, transform=canvas.axes.transData
        )
        self._occupied: list[tuple[float, float, float, float]] = []

    def _add(self, artist: Any) -> None:
        artist.set_snap(False)  # snapping to whole pixels would move the mark
        add = self.canvas.axes.add_patch if isinstance(artist, Patch) else self.canvas.axes.add_collection
        add(artist)
        artist.set_clip_path(self._clip)

    def _lines(self, segments: FloatArray, colors: Any, width: float, zorder: float) -> None:
        """(S, 2, 2) segments with a halo under them."""
        under = [halo(c) for c in colors] if isinstance(colors, list) else halo(colors)
        for color, wide, z in ((under, width + 2, zorder), (colors, width, zorder + 0.1)):
            lines = LineCollection(list(segments), colors=color, linewidths=wide * PIXEL, zorder=z, capstyle="butt")
            self._add(lines)

    def _occupy(self, points: FloatArray, radius: float) -> None:
        self._occupied += [(x - radius, y - radius, x + radius, y + radius) for x, y in points]

    def predictions(self, points: FloatArray, colors: Sequence[str]) -> None:
        """Rings with a small cross at their centre, at (M, 2) image points."""
        centres = self.view.to_canvas(points)
        width = max(1.5, self.size / 4)
        for centre, color in zip(centres, colors, strict=True):
            for drawn, wide, z in ((halo(color), width + 2, 4.0), (color, width, 4.1)):
                ring = Circle(centre, self.size, fill=False, edgecolor=drawn, linewidth=wide * PIXEL, zorder=z)
                self._add(ring)
        arm = 0.45 * self.size
        arms = np.array([[(-arm, 0), (arm, 0)], [(0, -arm), (0, arm)]])
        segments = (centres[:, None, None] + arms).reshape(-1, 2, 2)
        self._lines(segments, [c for c in colors for _ in range(2)], max(1.0, width - 0.5), 4.2)
        self._occupy(centres, self.size + 2)

    def radii(self, points: FloatArray, radii: FloatArray, colors: Sequence[str]) -> None:
        """Dashed ellipses about (M, 2) image points, of half axes (M, 2) in image pixels along (x, y)."""
        centres = self.view.to_canvas(points)
        axes = 2 * radii * self.view.scale
        for centre, (across, down), color in zip(centres, axes.tolist(), colors, strict=True):
            style: dict[str, Any] = {
                "fill": False,
                "edgecolor": color,
                "linewidth": 1.5 * PIXEL,
                "linestyle": (0, (4, 3)),
            }
            self._add(Ellipse(centre, across, down, zorder=3.5, **style))

    def truths(self, points: FloatArray) -> None:
        """White diagonal crosses at (M, 2) image points."""
        centres = self.view.to_canvas(points)
        arm = 0.8 * self.size
        arms = np.array([[(-arm, -arm), (arm, arm)], [(-arm, arm), (arm, -arm)]])
        self._lines((centres[:, None, None] + arms).reshape(-1, 2, 2), TRUTH_COLOR, max(1.5, self.size / 4), 3.0)
        self._occupy(centres, arm)

    def links(self, starts: FloatArray, ends: FloatArray) -> None:
        """Thin lines from the truth to its prediction, (M, 2) image points each."""
        segments = np.stack([self.view.to_canvas(starts), self.view.to_canvas(ends)], axis=1)
        self._lines(segments, TRUTH_COLOR, 1.2, 2.0)

    def names(self, points: FloatArray, names: Sequence[str], colors: Sequence[str], size: float) -> None:
        """Names beside those of (M, 2) image points that lie in the view, kept inside it.

        They stand on each other and on marks as little as can be, in a light tint of their mark's colour on black.
        """
        for centre, name, color in zip(self.view.to_canvas(points), names, colors, strict=True):
            if not self._in_view(centre):
                continue
            width, height = self.canvas.text_size(name, size)
            x, y = self._place(centre, width, height)
            self._occupied.append((x, y, x + width, y + height))
            reach = self.size * 1.5 + max(width, height) / 2
            middle = np.array([x + width / 2, y + height / 2])
            if np.linalg.norm(middle - centre) > reach + self.size:
                nearest = np.clip(centre, (x, y), (x + width, y + height))
                self._leader(centre, nearest, color)
            effect = [withStroke(linewidth=3 * PIXEL, foreground="#000000")]
            self.canvas.text(x, y, name, size, color=lighter(color), path_effects=effect, zorder=6)

    def _in_view(self, centre: FloatArray) -> bool:
        first = np.array([self.view.left, self.view.top]) - 0.5
        last = first + np.array([self.view.width, self.view.height])
        return bool(((centre >= first) & (centre <= last)).all())

    def _leader(self, centre: FloatArray, end: FloatArray, color: str) -> None:
        """A line from the edge of a mark to its name, where the name had to move away."""
        direction = (end - centre) / max(float(np.linalg.norm(end - centre)), 1e-9)
        lines = np.stack([centre + direction * (self.size + 1), end])[None]
        self._add(LineCollection(list(lines), colors=color, linewidths=PIXEL, zorder=3.9))

    def _place(self, centre: FloatArray, width: float, height: float) -> tuple[float, float]:
        """The top-left corner of a name of that size beside a mark."""
        half = np.array([width, height]) / 2
        gap = np.array(_DISTANCES)[:, None, None] * (self.size + 5)
        middles = (centre + _DIRECTIONS * (gap + half)).reshape(-1, 2)
        corners = self._inside(middles - half, np.array([width, height]))
        moved = np.linalg.norm(corners + half - middles, axis=1)
        far = np.repeat(np.arange(len(_DISTANCES)), len(_DIRECTIONS))
        cost = self._overlap(corners, width, height) + 0.5 * height * moved + 0.6 * width * height * far
        x, y = corners[int(cost.argmin())]
        return float(x), float(y)

    def _inside(self, corners: FloatArray, size: FloatArray) -> FloatArray:
        low = np.array([self.view.left, self.view.top]) + 2.0
        high = np.array([self.view.left + self.view.width, self.view.top + self.view.height]) - 2.0 - size
        return np.minimum(corners, high).clip(min=low)

    def _overlap(self, corners: FloatArray, width: float, height: float) -> NDArray[np.float64]:
        """(C,) area that a box at each corner shares with what is drawn already."""
        if not self._occupied:
            return np.zeros(len(corners))
        taken = np.array(self._occupied)
        low = np.maximum(corners[:, None], taken[None, :, :2])
        high = np.minimum(corners[:, None] + np.array([width, height]), taken[None, :, 2:])
        return (high - low).clip(min=0).prod(axis=-1).sum(axis=1)
