"""The highest pixel of a heatmap."""

from __future__ import annotations

import torch


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
