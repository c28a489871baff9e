"""Display of pixels: window and level of the image, and an enlarged square around one place. No Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import vtk

from ..words import tr as _
from .image_frame import ImageFrame
from .slice_view import ImageView

#: What there is to choose: Slicer's own choice, from the least to the greatest value, or all but the extremes.
AUTO, FULL, MIDDLE_98, MIDDLE_90 = "auto", "full", "1-99", "5-95"
PRESETS = (AUTO, FULL, MIDDLE_98, MIDDLE_90)
_PERCENTILES = {FULL: (0.0, 100.0), MIDDLE_98: (1.0, 99.0), MIDDLE_90: (5.0, 95.0)}


def why_no_window(volume: Any) -> str:
    """The reason, as one sentence, why an image has no window and level; empty if it has."""
    if volume is None:
        return _("Open an image first.")
    if volume.GetImageData().GetNumberOfScalarComponents() >= 3:
        return _("A colour image is shown as it is: window and level are for grey images.")
    return ""


def apply_preset(volume: Any, preset: str) -> None:
    """Sets window and level of a grey image; a colour image stays as it is."""
    if why_no_window(volume):
        return
    display = volume.GetDisplayNode()
    if preset == AUTO:
        display.SetAutoWindowLevel(True)
        return
    low, high = percentile_range(volume.GetImageData(), *_PERCENTILES[preset])
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(low, high if high > low else low + 1.0)


def percentile_range(image: Any, low: float, high: float) -> tuple[float, float]:
    """The grey values below which ``low`` and ``high`` per cent of all pixels lie."""
    if (low, high) == (0.0, 100.0):
        return image.GetScalarRange()
    statistics = vtk.vtkImageHistogramStatistics()
    statistics.SetInputData(image)
    statistics.SetAutoRangePercentiles(low, high)
    statistics.SetAutoRangeExpansionFactors(0.0, 0.0)
    statistics.Update()
    return statistics.GetAutoRange()


_LEAST, _MOST = 8, 40
#: What lies beside the image.
_OUTSIDE = (24, 24, 24)


class CloseUp(NamedTuple):
    """A square of pixels, and where in the view the place lies that is its middle.

    Attributes:
        ppm: the pixels as they are stored, as a PPM picture.
        across: pixels along a side.
        left, top: where, in pixels of the magnifier, the square begins: the place itself is then its very middle.
        zoom: pixels of the magnifier for one of the image.
        share: the place as shares of the view's width and height from its left upper corner.
    """

    ppm: bytes
    across: int
    left: int
    top: int
    zoom: int
    share: tuple[float, float]


def close_up(frame: ImageFrame, view: ImageView, pixel: Sequence[float], side: int) -> CloseUp | None:
    """The square that fills a magnifier of ``side`` pixels; None if there is no view.

    Args:
        frame: the image.
        view: where the magnifier lies; it enlarges three times as much, and 8 to 40 times.
        pixel: (x, y), with fractions; (0, 0) is the centre of the first pixel.
        side: of the magnifier, in its pixels.
    """
    share = view.share_of(frame.world(pixel))
    if share is None:
        return None
    zoom = min(max(round(3 * view.zoom(frame)), _LEAST), _MOST)
    reach = math.ceil(side / (2 * zoom)) + 1
    first = [math.floor(value + 0.5) - reach for value in pixel]
    count = 2 * reach + 1
    colors = [color_at(frame, (first[0] + x, first[1] + y)) for y in range(count) for x in range(count)]
    body = bytes(part for color in colors for part in color)
    # The pixel i covers i - 0.5 to i + 0.5.
    left, top = (round(side / 2 - (value - start + 0.5) * zoom) for value, start in zip(pixel, first))
    return CloseUp(f"P6 {count} {count} 255\n".encode("ascii") + body, count, left, top, zoom, share)


def color_at(frame: ImageFrame, pixel: tuple[int, int]) -> tuple[int, int, int]:
    """Red, green and blue of a pixel as the view shows it: grey values through window and level."""
    (x, y), (width, height) = pixel, frame.size
    if not (0 <= x < width and 0 <= y < height):
        return _OUTSIDE
    column, row = (round(value) for value in frame.turned(pixel))
    image = frame.volume.GetImageData()
    components = image.GetNumberOfScalarComponents()
    values = [image.GetScalarComponentAsDouble(column, row, 0, i) for i in range(min(components, 3))]
    if components >= 3:
        return _byte(values[0]), _byte(values[1]), _byte(values[2])
    display = frame.volume.GetDisplayNode()
    low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    grey = _byte(255.0 * (values[0] - low) / (high - low)) if high > low else 255 * (values[0] >= low)
    return grey, grey, grey


def _byte(value: float) -> int:
    return min(max(round(value), 0), 255)
