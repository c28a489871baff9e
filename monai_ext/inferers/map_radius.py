"""How far the mass of a heatmap lies from the point that was read off it: the uncertainty that answers tell.

Shapes: B images, K landmarks, (h, w) cells of a heatmap.
"""

from __future__ import annotations

import torch

from monai_ext.landmarks.geometry import Unit

from .predictions import Predictions


def probabilities(heatmaps: torch.Tensor) -> torch.Tensor:
    """(B, K, h, w) heatmaps as distributions over their cells; negative values count as 0.

    A map that is nowhere positive says nothing: it becomes uniform.
    """
    mass = heatmaps.float().clamp(min=0).nan_to_num(nan=0.0, posinf=0.0)
    total = mass.sum((2, 3), keepdim=True)
    cells = heatmaps.shape[2] * heatmaps.shape[3]
    return torch.where(total > 0, mass / torch.where(total > 0, total, 1.0), 1.0 / cells)


def map_radius(predictions: Predictions, unit: Unit = "px") -> torch.Tensor:
    """(B, K) mean distance of the whole heatmap's mass from the point that was read off it, float32.

    The expected radial error of McCouat and Voiculescu, Contour-Hugging Heatmaps for Landmark Detection, CVPR 2022.

    Raises:
        InputError: millimetres of an image without calibration.
    """
    steps = predictions.lengths(unit)[..., None] * predictions.linear
    metric = (steps.mT @ steps).float()
    height, width = predictions.heatmaps.shape[2:]
    device = predictions.heatmaps.device
    x = torch.arange(width, device=device) - predictions.cells[..., :1].float()
    y = torch.arange(height, device=device) - predictions.cells[..., 1:].float()
    across = metric[..., 0, 0, None] * x.square()
    down = metric[..., 1, 1, None] * y.square()
    both = 2 * metric[..., 0, 1, None, None] * y[..., :, None] * x[..., None, :]
    squared = across[..., None, :] + down[..., :, None] + both
    return (probabilities(predictions.heatmaps) * squared.clamp(min=0).sqrt()).sum((2, 3))
