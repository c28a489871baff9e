"""An image made ready to draw on: windowed to 8 bits, cropped and scaled, and put on a canvas of exact pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from monai_ext.landmarks import FloatArray, InputError

from .plot import DPI, save_figure

#: Percentiles of the grey values that become black and white.
WINDOW_PERCENTILES = (0.5, 99.5)


def to_rgb(image: ArrayLike) -> NDArray[np.uint8]:
    """(C, H, W) grey or RGB image to (H, W, 3) bytes.

    8-bit images are shown as they are; all others are windowed between :data:`WINDOW_PERCENTILES` of their finite
    values, all channels alike. Values that are not finite are black.

    Raises:
        InputError: the shape is not (1, H, W) or (3, H, W).
    """
    pixels = np.asarray(image)
    if pixels.ndim != 3 or pixels.shape[0] not in {1, 3} or 0 in pixels.shape:
        raise InputError(f"An image to draw on has the shape (1, H, W) or (3, H, W), not {pixels.shape}.")
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float64)
        finite = np.isfinite(pixels)
        low, high = np.percentile(pixels[finite], WINDOW_PERCENTILES) if finite.any() else (0.0, 0.0)
        # A flat image has no window: it comes out mid-grey.
        scaled = (pixels - low) / (high - low) if high > low else np.full_like(pixels, 0.5)
        pixels = np.rint(np.where(finite, scaled, 0.0).clip(0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0))


@dataclass(frozen=True)
class Cutout:
    """A rectangle of an image shown at a rectangle of a canvas.

    Args:
        box: (left, top, right, bottom) in the image, in pixel EDGES: the whole image is (0, 0, width, height).
        left: first canvas column.
        top: first canvas row.
        width: columns on the canvas.
        height: rows on the canvas.
    """

    box: tuple[float, float, float, float]
    left: int
    top: int
    width: int
    height: int

    @property
    def scale(self) -> FloatArray:
        """(2,) canvas pixels per image pixel along (x, y)."""
        x0, y0, x1, y1 = self.box
        return np.array([self.width / (x1 - x0), self.height / (y1 - y0)])

    def to_canvas(self, points: ArrayLike) -> FloatArray:
        """(..., 2) image pixels to canvas pixels; (0, 0) is the centre of the canvas's top-left pixel."""
        edges = np.asarray(points, dtype=np.float64) + 0.5 - np.array(self.box[:2])
        return edges * self.scale - 0.5 + np.array([self.left, self.top])

    def render(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(height, width, 3) the rectangle of an (H, W, 3) image, resampled on the pixel edges."""
        smaller = self.scale.min() < 1
        how = Image.Resampling.LANCZOS if smaller else Image.Resampling.BICUBIC
        return np.asarray(Image.fromarray(rgb).resize((self.width, self.height), how, box=self.box))

    @classmethod
    def fitted(cls, box: tuple[float, float, float, float], left: int, top: int, size: tuple[int, int]) -> Cutout:
        """The view of a box, as large as fits into ``size`` (width, height) at (left, top), centred, aspect kept."""
        x0, y0, x1, y1 = box
        scale = min(size[0] / (x1 - x0), size[1] / (y1 - y0))
        width, height = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
        return cls(box, left + (size[0] - width) // 2, top + (size[1] - height) // 2, width, height)


class Canvas:
    """A picture of exactly ``width`` x ``height`` pixels, drawn on in its own pixel coordinates.

    A coordinate (x, y) is (column, row) with (0, 0) at the centre of the top-left pixel.
    """

    def __init__(self, width: int, height: int, background: str = "#1A1A1A") -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=background)
        self._agg = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1), facecolor="none")
        self.axes.set_axis_off()
        self.axes.set_xlim(-0.5, width - 0.5)
        self.axes.set_ylim(height - 0.5, -0.5)
        self.axes.set_autoscale_on(False)

    def show(self, rgb: NDArray[np.uint8], view: Cutout) -> None:
        """Puts the view of an (H, W, 3) image on the canvas, pixel by pixel."""
        bottom = self.height - view.top - view.height
        self.figure.figimage(view.render(rgb), xo=view.left, yo=bottom, origin="upper", zorder=-1)

    def text(self, x: float, y: float, text: str, size: float, **kwargs: Any) -> Any:
        """Text of ``size`` canvas pixels, its top-left corner at (x, y) unless stated otherwise; never read as math."""
        kwargs = {"ha": "left", "va": "top", "parse_math": False, **kwargs}
        return self.axes.text(x, y, text, fontsize=size * 72 / DPI, **kwargs)

    def text_size(self, text: str, size: float) -> tuple[float, float]:
        """(width, height) of one line of text in canvas pixels."""
        drawn = self.text(0, 0, text, size)
        box = drawn.get_window_extent(self._agg.get_renderer())
        drawn.remove()
        return float(box.width), float(box.height)

    def save(self, path: str | Path) -> None:
        """Writes the picture as a PNG file."""
        save_figure(self.figure, path)
