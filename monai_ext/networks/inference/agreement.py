"""Whether two networks give the same answer: heatmaps by value and by peak, other numbers by value."""

from __future__ import annotations

import torch

from monai_ext.networks.output import NetworkOutput, Stage
from monai_ext.networks.zian.peak import peak_pixels

from .call_trace import tensors_in

#: How far a peak may move, in cells of its heatmap.
PEAK_CELLS = 1.0

#: Stages that only training looks at: no region lies about their peaks, and no answer is read off them.
AUXILIARY = ("roi", "stack")

#: Heatmaps whose range is below this share of their values are flat: they have no peak.
FLAT = 1e-6


def disagreement(plain: object, other: object, tolerance: float) -> str | None:
    """How an answer differs from the plain one, as the rest of a sentence; None where it does not.

    Args:
        plain: a network's output: a NetworkOutput, whose stages are compared with their frames, or any nest of
            tensors.
        other: that of another network for the same input.
        tolerance: largest difference of values, as a share of the range that the plain ones have. A presence may
            differ by this probability. Peaks that steer or answer may differ by one cell.
    """
    if not isinstance(plain, NetworkOutput) or not isinstance(other, NetworkOutput):
        return _values_disagree("output", list(tensors_in(plain)), list(tensors_in(other)), tolerance)
    for first, second in zip(plain.stages, other.stages, strict=True):
        reason = _stage_disagrees(first, second, tolerance)
        if reason:
            return reason
    ours, theirs = ([] if x.presence is None else [x.presence.sigmoid()] for x in (plain, other))
    return _values_disagree("presence", ours, theirs, tolerance, extent=1.0)


def _stage_disagrees(plain: Stage, other: Stage, tolerance: float) -> str | None:
    if plain.heatmaps.shape != other.heatmaps.shape:
        return f"the {plain.name} heatmaps are {tuple(other.heatmaps.shape)} and not {tuple(plain.heatmaps.shape)}"
    if not bool(other.heatmaps.isfinite().all()):
        return f"the {plain.name} heatmaps are not finite"
    maps = plain.heatmaps.float()
    peaks = peak_pixels(maps)
    elsewhere = plain.frame.from_image(other.frame.to_image(peak_pixels(other.heatmaps.float())))
    has_peak = maps.amax((2, 3)) - maps.amin((2, 3)) > FLAT * maps.abs().amax((2, 3))
    shift = ((elsewhere - peaks).abs().amax(-1) * has_peak).max()
    if plain.name not in AUXILIARY and not bool(shift <= PEAK_CELLS):
        return f"a peak of the {plain.name} heatmaps moves by {float(shift):.3g} cells"
    ours, theirs = list(tensors_in(plain.frame)), list(tensors_in(other.frame))
    # Heatmaps of other places, of peaks one cell apart, cannot be compared cell by cell.
    if all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)):
        return _values_disagree(f"{plain.name} heatmaps", [plain.heatmaps], [other.heatmaps], tolerance)
    return None


def _values_disagree(
    what: str, plain: list[torch.Tensor], other: list[torch.Tensor], tolerance: float, extent: float | None = None
) -> str | None:
    if [x.shape for x in plain] != [x.shape for x in other]:
        return f"the {what} has other shapes"
    for first, second in zip(plain, other, strict=True):
        difference = relative_difference(first, second, extent)
        if not difference <= tolerance:
            return f"values of the {what} differ by {100 * difference:.3g} % of their range"
    return None


def relative_difference(plain: torch.Tensor, other: torch.Tensor, extent: float | None = None) -> float:
    """The largest difference of two tensors as a share of the plain one's range, or of a given extent."""
    if plain.numel() == 0:
        return 0.0
    plain, other = plain.detach().double(), other.detach().double()
    if extent is None:
        extent = float(plain.max() - plain.min()) or float(plain.abs().max()) or 1.0
    return float((plain - other).abs().max()) / extent
