"""From heatmaps back to sub-pixel points, batched and on the device.

Shapes: B batch, K landmarks, (H, W) rows and columns of a heatmap, S the pixels of a square window about its peak.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple, TypeAlias

import torch
from monai.config import KeysCollection, NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_tensor, ensure_tuple

from monai_ext.landmarks import LOSSES, InputError

from .heatmap import Sigma, sigma_xy

#: Half the side of the window about the peak, in heatmap pixels, where the caller names none.
DEFAULT_RADIUS = 5

#: Steps of the windowed centroid towards its fixed point.
CENTROID_STEPS = 8

#: Heights are raised to this share of the peak before their logarithm is taken.
LOG_FLOOR = 1e-30


class Decoded(NamedTuple):
    """Points read off heatmaps.

    Attributes:
        points: (B, K, 2) pixel points (x, y) on the heatmap, always finite and within its outer pixel edges.
        confidence: (B, K) height of the peak pixel, held within [0, 1].
        covariance: (B, K, 2, 2) squared width of the peak in px^2, order (x, y); only from ``gaussian_fit``.
    """

    points: torch.Tensor
    confidence: torch.Tensor
    covariance: torch.Tensor | None = None


class _Peak(NamedTuple):
    """The highest pixel of each map and the window about it; every field starts with (B, K)."""

    xy: torch.Tensor  #: (B, K, 2) whole pixels, float64
    height: torch.Tensor  #: (B, K), the maps' own type
    maps: torch.Tensor  #: (B, K, H * W) finite


class _Quadratic(NamedTuple):
    """``log h = level + slope.d + d.curvature.d / 2`` with d the distance from the peak pixel."""

    level: torch.Tensor  #: (B, K)
    slope: torch.Tensor  #: (B, K, 2)
    curvature: torch.Tensor  #: (B, K, 2, 2)


def activate(logits: torch.Tensor, loss_name: str, sigma: Sigma) -> torch.Tensor:
    """Turns what a network puts out into heatmaps of amplitude 1, as the decoders expect.

    A network trained with spatial cross-entropy puts out logits of a probability over the pixels; the probability of
    a Gaussian is ``1 / (2 pi sx sy)`` at its centre, so the softmax is multiplied by ``2 pi sx sy``. An ideal output
    then peaks near 1 (above it where the border cuts the Gaussian), and a spread-out one as much lower as it is wider.

    Args:
        logits: (B, K, H, W) network output.
        loss_name: the loss that it was trained with, as recipes name it.
        sigma: of the training target, heatmap pixels; see :data:`monai_ext.transforms.heatmap.Sigma`.

    Raises:
        InputError: an unknown loss.
    """
    reason = LOSSES.unknown(loss_name)
    if reason is not None:
        raise InputError(f"The heatmaps cannot be decoded: {reason}.")
    if LOSSES[loss_name] == "heatmap":
        return logits
    area = 2 * math.pi * sigma_xy(sigma, logits.shape[1]).prod(-1).to(logits.device)
    return logits.float().flatten(2).softmax(-1).reshape(logits.shape) * area[:, None, None]


def decode_heatmap(heatmaps: torch.Tensor, method: str = "local_soft_argmax", radius: int = DEFAULT_RADIUS) -> Decoded:
    """Finds the point of each heatmap.

    - ``argmax``: the highest pixel; 0.383 px off in the mean, however good the map.
    - ``local_soft_argmax``: the centre of mass in a window that is centred on itself (mean shift). It takes broad and
      lopsided maps as they are. With the default radius within 0.01 px for Gaussians of sigma 1 to 3 px, within 0.05 px
      at sigma 5, borders included.
    - ``dark``: one Newton step from the highest pixel to the maximum of the log heatmap, from its 3 x 3 neighbours
      (Zhang et al., Distribution-Aware Coordinate Representation, CVPR 2020; without its blur: use ``gaussian_fit``
      on noisy maps). Exact for Gaussians.
    - ``gaussian_fit``: weighted least squares of a quadratic to the log heatmap in the window, with squared heights as
      weights (Guo, A simple algorithm for fitting a Gaussian function, IEEE Signal Processing Magazine 2011). Exact
      for Gaussians of any orientation, and gives their covariance.

    At a border ``dark`` moves its stencil inwards, ``gaussian_fit`` leaves the pixels beyond out, and
    ``local_soft_argmax`` fills them with the fitted Gaussian, so that none is drawn inwards. Where a map has no peak
    that a Gaussian could fit, ``dark`` answers the highest pixel and ``gaussian_fit`` the windowed centroid with the
    second moments of the window. A map that is nowhere positive gives its highest pixel, the confidence 0 and the
    covariance of a uniform distribution over the map.

    Args:
        heatmaps: (B, K, H, W) of amplitude 1; negative values count as 0, and so do values that are not finite.
        method: one of :data:`METHODS`.
        radius: half the side of the window, heatmap pixels; about 2.5 sigma. ``argmax`` and ``dark`` take no window.

    Returns:
        Points, confidence and, from ``gaussian_fit``, covariance; float32 (float64 for float64 heatmaps).

    Raises:
        InputError: an unknown method, a radius below 1 or heatmaps that are not 4-dimensional.
    """
    if heatmaps.ndim != 4 or 0 in heatmaps.shape[2:]:
        raise InputError(f"Heatmaps must have the shape (B, K, H, W), not {tuple(heatmaps.shape)}.")
    _check(method, radius)
    size_hw = (heatmaps.shape[2], heatmaps.shape[3])
    heatmaps = heatmaps if heatmaps.dtype == torch.float64 else heatmaps.float()
    peak = _find_peak(heatmaps)
    points, covariance = METHODS[method](peak, size_hw, radius)
    limit = peak.xy.new_tensor([size_hw[1], size_hw[0]]) - 0.5
    points = torch.minimum(points.clamp(min=-0.5), limit)
    found = peak.height > 0
    points = torch.where(found[..., None], points, peak.xy)
    if covariance is not None:
        unknown = torch.diag((peak.xy.new_tensor([size_hw[1], size_hw[0]]).square() - 1) / 12)
        covariance = torch.where(found[..., None, None], covariance, unknown).to(heatmaps.dtype)
    return Decoded(points.to(heatmaps.dtype), peak.height.clamp(0, 1), covariance)


def _check(method: str, radius: int) -> None:
    if method not in METHODS:
        raise InputError(f"Unknown heatmap decoder {method!r}: use one of {', '.join(METHODS)}.")
    if radius < 1:
        raise InputError(f"The radius of a decoder must be at least 1 pixel, not {radius}.")


def _find_peak(heatmaps: torch.Tensor) -> _Peak:
    finite = torch.nan_to_num(heatmaps, nan=0.0, posinf=0.0, neginf=0.0)
    # Row maxima first: about five times faster on a CPU than one argmax over all pixels, and the same first pixel.
    rows = finite.amax(-1)
    height, y = rows.max(-1)
    row = finite.gather(2, y[..., None, None].expand(-1, -1, 1, finite.shape[3]))
    x = row.argmax(-1)[..., 0]
    return _Peak(torch.stack([x, y], -1).double(), height, finite.flatten(2))


def _window_offsets(radius: int, device: torch.device) -> torch.Tensor:
    """(S, 2) float64 offsets (x, y) of a square window."""
    steps = torch.arange(-radius, radius + 1, device=device)
    return torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(-1, 2).double()


def _sample(peak: _Peak, pixels: torch.Tensor, size_hw: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, K, S) heights at whole pixels (B, K, S, 2), none negative, and whether they lie on the map."""
    height, width = size_hw
    x, y = pixels.long().unbind(-1)
    on_map = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
    values = peak.maps.gather(2, index).double().clamp(min=0)
    return torch.where(on_map, values, 0.0), on_map


def _fit(peak: _Peak, size_hw: tuple[int, int], radius: int) -> _Quadratic:
    """Weighted least squares of the quadratic; weights are squared relative heights, zero off the map."""
    offsets = _window_offsets(radius, peak.xy.device)
    values, _ = _sample(peak, peak.xy[..., None, :] + offsets, size_hw)
    relative = values / _positive(peak.height.double())[..., None]
    # Offsets in units of the radius keep the normal equations well conditioned.
    x, y = (offsets / radius).unbind(-1)
    design = torch.stack([torch.ones_like(x), x, y, x * x / 2, x * y, y * y / 2], -1)
    weighted = relative.square()[..., None] * design
    normal = torch.einsum("bksi,sj->bkij", weighted, design)
    moment = torch.einsum("bksi,bks->bki", weighted, relative.clamp(min=LOG_FLOOR).log())
    # A trace of ridge makes windows with fewer than six positive pixels solvable; it moves no proper fit.
    ridge = 1e-12 * normal.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None] + torch.finfo(torch.float64).tiny
    solution = torch.linalg.solve_ex(normal + torch.diag_embed(ridge.expand(moment.shape)), moment)[0]
    level, slope, second = solution[..., 0], solution[..., 1:3] / radius, solution[..., 3:] / radius**2
    curvature = torch.stack([second[..., :2], second[..., 1:]], -2)
    return _Quadratic(level, slope, curvature)


def _positive(values: torch.Tensor) -> torch.Tensor:
    return torch.where(values > 0, values, 1.0)


def _maximum(slope: torch.Tensor, curvature: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The maximum of a quadratic: offset (..., 2), minus the inverse curvature (..., 2, 2), and a mask of these."""
    xx, xy, yy = curvature[..., 0, 0], curvature[..., 0, 1], curvature[..., 1, 1]
    determinant = xx * yy - xy * xy
    # The determinant must stand clear of rounding: a ridge without an end has no maximum.
    peaked = (xx < 0) & (yy < 0) & (determinant > 1e-6 * xx * yy)
    safe = torch.where(peaked, determinant, 1.0)
    adjugate = torch.stack([torch.stack([yy, -xy], -1), torch.stack([-xy, xx], -1)], -2)
    covariance = -adjugate / safe[..., None, None]
    return (covariance @ slope[..., None])[..., 0], covariance, peaked


def _argmax(peak: _Peak, size_hw: tuple[int, int], radius: int) -> tuple[torch.Tensor, None]:
    return peak.xy, None


def _dark(peak: _Peak, size_hw: tuple[int, int], radius: int) -> tuple[torch.Tensor, None]:
    height, width = size_hw
    if min(height, width) < 3:
        return peak.xy, None
    centre = torch.minimum(peak.xy.clamp(min=1), peak.xy.new_tensor([width - 2, height - 2]))
    values, _ = _sample(peak, centre[..., None, :] + _window_offsets(1, centre.device), size_hw)
    floor = LOG_FLOOR * _positive(peak.height.double())[..., None]
    log = torch.maximum(values, floor).log().unflatten(-1, (3, 3))
    slope = torch.stack([log[..., 1, 2] - log[..., 1, 0], log[..., 2, 1] - log[..., 0, 1]], -1) / 2
    xx = log[..., 1, 2] - 2 * log[..., 1, 1] + log[..., 1, 0]
    yy = log[..., 2, 1] - 2 * log[..., 1, 1] + log[..., 0, 1]
    xy = (log[..., 2, 2] - log[..., 2, 0] - log[..., 0, 2] + log[..., 0, 0]) / 4
    curvature = torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2)
    offset, _, peaked = _maximum(slope, curvature)
    refined = centre + offset
    near = (refined - peak.xy).abs().amax(-1) <= 1.5
    return torch.where((peaked & near)[..., None], refined, peak.xy), None


def _gaussian_fit(peak: _Peak, size_hw: tuple[int, int], radius: int) -> tuple[torch.Tensor, torch.Tensor]:
    quadratic = _fit(peak, size_hw, radius)
    offset, covariance, peaked = _maximum(quadratic.slope, quadratic.curvature)
    accepted = peaked & (offset.abs().amax(-1) <= radius)
    centroid, moments = _centroid(peak, size_hw, radius, quadratic)
    points = torch.where(accepted[..., None], peak.xy + offset, centroid)
    return points, torch.where(accepted[..., None, None], covariance, moments)


def _local_soft_argmax(peak: _Peak, size_hw: tuple[int, int], radius: int) -> tuple[torch.Tensor, None]:
    return _centroid(peak, size_hw, radius, _fit(peak, size_hw, radius))[0], None


def _centroid(
    peak: _Peak, size_hw: tuple[int, int], radius: int, quadratic: _Quadratic
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre of mass (B, K, 2) of a window about itself, and the second moments (B, K, 2, 2) in that window.

    A window centred on a symmetric peak cuts both its sides alike, so that the fixed point has no truncation bias.
    The window's edge is soft (a pixel counts by the share of it that the window covers), which makes the step smooth.
    """
    offsets = _window_offsets(radius + 1, peak.xy.device)
    _, _, peaked = _maximum(quadratic.slope, quadratic.curvature)
    centre = peak.xy
    for step in range(CENTROID_STEPS + 1):
        pixels = centre.round()[..., None, :] + offsets
        values, on_map = _sample(peak, pixels, size_hw)
        from_peak = pixels - peak.xy[..., None, :]
        bend = torch.einsum("bksi,bkij,bksj->bks", from_peak, quadratic.curvature, from_peak) / 2
        log = quadratic.level[..., None] + (from_peak * quadratic.slope[..., None, :]).sum(-1) + bend
        beyond = log.clamp(max=0).exp() * peak.height.double()[..., None] * peaked[..., None]
        values = torch.where(on_map, values, beyond)
        weights = values * (radius + 0.5 - (pixels - centre[..., None, :]).abs()).clamp(0, 1).prod(-1)
        total = _positive(weights.sum(-1))[..., None]
        mean = (weights[..., None] * pixels).sum(-2) / total
        if step < CENTROID_STEPS:
            drift = (mean - peak.xy).clamp(-radius, radius)
            centre = peak.xy + torch.where(weights.sum(-1, keepdim=True) > 0, drift, 0.0)
    spread = pixels - mean[..., None, :]
    return centre, torch.einsum("bks,bksi,bksj->bkij", weights, spread, spread) / total[..., None]


_Refine: TypeAlias = Callable[[_Peak, tuple[int, int], int], tuple[torch.Tensor, torch.Tensor | None]]

#: The decoders by name.
METHODS: dict[str, _Refine] = {
    "argmax": _argmax,
    "local_soft_argmax": _local_soft_argmax,
    "dark": _dark,
    "gaussian_fit": _gaussian_fit,
}


class DecodeHeatmap(Transform):
    """Reads the points off the heatmaps of one sample; see :func:`decode_heatmap`.

    Args:
        method: one of :data:`METHODS`.
        radius: half the side of the window, heatmap pixels.

    Raises:
        InputError: an unknown method or a radius below 1.
    """

    backend = (TransformBackends.TORCH, TransformBackends.NUMPY)

    def __init__(self, method: str = "local_soft_argmax", radius: int = DEFAULT_RADIUS) -> None:
        _check(method, radius)
        self.method = method
        self.radius = radius

    def __call__(self, heatmaps: NdarrayOrTensor) -> Decoded:
        """Decodes (K, H, W) heatmaps to (K, 2) points (x, y), (K,) confidence and (K, 2, 2) covariance or None.

        Arrays give arrays and tensors give plain tensors.
        """
        tensor = convert_to_tensor(heatmaps, track_meta=False)
        if tensor.ndim != 3:
            raise InputError(f"The heatmaps of one sample must have the shape (K, H, W), not {tuple(tensor.shape)}.")
        decoded = decode_heatmap(tensor[None], self.method, self.radius)
        fields = [None if field is None else field[0] for field in decoded]
        if not isinstance(heatmaps, torch.Tensor):
            fields = [None if field is None else field.numpy() for field in fields]
        return Decoded(*fields)


class DecodeHeatmapd(MapTransform):
    """Dictionary version of :class:`DecodeHeatmap`.

    Args:
        keys: keys of (K, H, W) heatmaps.
        method: one of :data:`METHODS`.
        radius: half the side of the window, heatmap pixels.
        points_keys: where the (K, 2) points go; "{key}_points" by default.
        confidence_keys: where the (K,) confidence goes; "{key}_confidence" by default.
        covariance_keys: where the (K, 2, 2) covariance of ``gaussian_fit`` goes; None leaves it out.
        allow_missing_keys: leave out keys that a sample lacks.

    Raises:
        InputError: an unknown method, a number of output keys that differs from the keys', or a covariance asked of
            another method.
    """

    backend = DecodeHeatmap.backend

    def __init__(
        self,
        keys: KeysCollection,
        method: str = "local_soft_argmax",
        radius: int = DEFAULT_RADIUS,
        points_keys: KeysCollection | None = None,
        confidence_keys: KeysCollection | None = None,
        covariance_keys: KeysCollection | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.decoder = DecodeHeatmap(method, radius)
        if covariance_keys is not None and method != "gaussian_fit":
            raise InputError(
                f"The decoder {method!r} gives no covariance: use gaussian_fit or leave out covariance_keys."
            )
        self.outputs = [
            ensure_tuple(points_keys or [f"{key}_points" for key in self.keys]),
            ensure_tuple(confidence_keys or [f"{key}_confidence" for key in self.keys]),
            ensure_tuple(covariance_keys) if covariance_keys is not None else (None,) * len(self.keys),
        ]
        if any(len(names) != len(self.keys) for names in self.outputs):
            raise InputError(f"DecodeHeatmapd needs one output key for each of {self.keys}, not {self.outputs}.")

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key, *names in self.key_iterator(d, *self.outputs):
            for name, value in zip(names, self.decoder(d[key]), strict=True):
                if name is not None:
                    d[name] = value
        return d
