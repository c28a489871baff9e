"""Regions of interest: where they lie, and an exact, differentiable crop-and-resize of them."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks.frame import RoiFrame

Padding = Literal["replicate", "zeros"]

_PADDING_MODES = {"replicate": "border", "zeros": "zeros"}


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
        raise InputError(f"The padding of a region is one of {', '.join(_PADDING_MODES)}, not {padding!r}.")
    if whole_pixels and scale != round(scale):
        raise InputError(f"A region of whole pixels needs a whole scale, not {scale}.")
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
