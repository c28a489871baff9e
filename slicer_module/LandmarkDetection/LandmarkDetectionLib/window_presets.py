"""Brightness and contrast of a grey image by one choice."""

from __future__ import annotations

from typing import Any

import vtk

from .words import tr as _

#: What there is to choose: Slicer's own choice, from the least to the greatest value, or all but the extremes.
AUTO, FULL, MIDDLE_98, MIDDLE_90 = "auto", "full", "1-99", "5-95"
PRESETS = (AUTO, FULL, MIDDLE_98, MIDDLE_90)
_PERCENTILES = {FULL: (0.0, 100.0), MIDDLE_98: (1.0, 99.0), MIDDLE_90: (5.0, 95.0)}


def why_no_window(volume: Any) -> str:
    """One sentence why an image has no window and level; empty where it has."""
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
