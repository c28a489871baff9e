"""Regions of interest: their centres and frames, and an exact, differentiable crop-and-resize of them."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks.output import RoiFrame

Padding = Literal["replicate", "zeros"]

#: Largest shift per axis in pixels, and how often a centre is shifted (Lei et al., OMIA 2022).
JITTER, JITTER_PROBABILITY = 16.0, 0.8

_PADDING_MODES = {"replicate": "border", "zeros": "zeros"}


def peak_pixels(heatmaps: torch.Tensor) -> torch.Tensor:
    """(B, K, 2) float32 pixels (x, y) of the highest value of (B, K, H, W) heatmaps; the first of equal ones.

    It stays on the device and its work depends on no value, so that a CUDA graph can record it. No gradient.
    """
    heatmaps = heatmaps.detach()
    # Row maxima first: several times faster on a CPU than one argmax over all pixels.
    y = heatmaps.amax(-1).argmax(-1)
    row = heatmaps.gather(2, y[..., None, None].expand(-1, -1, 1, heatmaps.shape[3]))
    x = row[:, :, 0].argmax(-1)
    return torch.stack([x, y], -1).float()


def jittered_centers(
    points: torch.Tensor,
    status: torch.Tensor,
    jitter: float = JITTER,
    probability: float = JITTER_PROBABILITY,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """(B, K, 2) centres for training: the true points, mostly shifted, each axis uniformly by up to ``jitter``.

    Args:
        points: (B, K, 2) points (x, y) in pixels.
        status: (B, K) codes of Status. A landmark that is not defined has no true point: its centre is NaN, which
            :class:`~monai_ext.networks.zian.ZIAN` replaces by the peak of its own coarse heatmap.
        jitter: largest shift per axis, pixels.
        probability: share of the centres that are shifted.
        generator: source of randomness on the points' device; None uses torch's global one.
    """
    options = {"generator": generator, "device": points.device, "dtype": torch.float32}
    shift = (2 * torch.rand(points.shape, **options) - 1) * jitter
    moved = torch.rand(points.shape[:-1], **options) < probability
    centers = points.float() + shift * moved[..., None]
    return torch.where((status > 0)[..., None], centers, torch.nan)


def roi_frame(centers: torch.Tensor, size: int, cells: int) -> RoiFrame:
    """The frame of regions of ``size`` pixels, sampled to ``cells``, about (..., 2) centres (x, y) in pixels.

    A region is moved by at most half a pixel to start with a whole pixel: at scale 1 its cells are then pixels of the
    image, and at scale 2 averages of 2 x 2 of them. A region of even size about a centre between two pixels is not
    moved; the pixel centres of an image reduced by 4 are such.
    """
    return RoiFrame(torch.floor(centers - (size - 1) / 2 + 0.5), size / cells)


def crop_roi(
    image: torch.Tensor,
    frame: RoiFrame,
    size_hw: tuple[int, int],
    padding: Padding = "replicate",
    whole_pixels: bool = False,
) -> torch.Tensor:
    """Samples K regions of every image: bilinear where enlarging, a box average where reducing.

    A reduction by a whole number from a whole origin averages exactly the pixels that the cell covers. Other cells
    are averaged over ``ceil(scale)`` bilinear samples per axis. Gradients reach the image and, through the bilinear
    samples, the origin. Nothing leaves the device. Coordinates are float32 whatever the precision of the image.

    Args:
        image: (B, C, H, W), of any size, also smaller than a region.
        frame: its origin is (B, K, 2).
        size_hw: (h, w) cells of a region.
        padding: what lies off the image: its nearest pixel, or zeros.
        whole_pixels: origins and scale are whole numbers, so that every sample is a pixel: nothing is interpolated
            and the values are bit for bit those of the image (or their averages).

    Returns:
        (B, K, C, h, w), in channels-last order where the image is.

    Raises:
        InputError: shapes do not fit, or ``whole_pixels`` with a fractional scale.
    """
    batch, channels, height, width = image.shape
    origin, scale = frame
    if origin.ndim != 3 or origin.shape[0] != batch or origin.shape[2] != 2:
        raise InputError(f"Regions of {batch} images have origins ({batch}, K, 2), not {tuple(origin.shape)}.")
    if padding not in _PADDING_MODES:
        raise InputError(f"The padding of a region must be one of {', '.join(_PADDING_MODES)}, not {padding!r}.")
    if whole_pixels and scale != round(scale):
        raise InputError(f"A region of whole pixels needs an integer scale, not {scale}.")
    samples = max(1, math.ceil(scale - 1e-6))
    rows, columns = size_hw[0] * samples, size_hw[1] * samples
    dtype = torch.float64 if image.dtype == torch.float64 else torch.float32
    x = _normalised(origin[..., 0].to(dtype), columns, scale / samples, width)
    y = _normalised(origin[..., 1].to(dtype), rows, scale / samples, height)
    regions = origin.shape[1]
    grid = torch.stack(
        [x[:, :, None, :].expand(-1, -1, rows, -1), y[:, :, :, None].expand(-1, -1, -1, columns)], dim=-1
    )
    with torch.autocast(image.device.type, enabled=False):
        # The regions of an image lie below each other in one output, so that the image is never repeated.
        sampled = F.grid_sample(
            image.to(dtype),
            grid.reshape(batch, regions * rows, columns, 2),
            mode="nearest" if whole_pixels else "bilinear",
            padding_mode=_PADDING_MODES[padding],
            align_corners=False,
        )
        if samples > 1:
            sampled = F.avg_pool2d(sampled, samples)
    sampled = sampled.to(image.dtype)
    if image.stride(1) == 1 < channels:
        sampled = sampled.contiguous(memory_format=torch.channels_last)
    return sampled.unflatten(2, (regions, size_hw[0])).transpose(1, 2)


def _normalised(origin: torch.Tensor, count: int, step: float, length: int) -> torch.Tensor:
    """(B, K, count) places along one axis, from the pixel edge at ``origin``, as grid_sample's -1 to 1."""
    cells = torch.arange(count, device=origin.device, dtype=origin.dtype)
    pixels = origin[..., None] + (cells + 0.5) * step - 0.5
    return (2 * pixels + 1) / length - 1
