"""Offsets between landmarks, counted in training, to choose among the peaks of coarse heatmaps."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

#: Cells along the longer side of the image in which places are counted.
CELLS = 32
#: Standard deviation that an offset is spread by, in cells: a fortieth of the longer side.
SPREAD = 0.8
#: Weight of a batch in the moving mean of offsets.
MEMORY = 1 / 500
#: The share of a heatmap's mass that is taken to lie anywhere, so that a sure but wrong peak can be overruled.
DOUBT = 0.3
#: Least value of a message, as a share of its largest.
FLOOR = 1e-3


class SpatialPrior(nn.Module):
    """One round of messages between landmarks, each a heatmap spread by the offsets that were seen in training.

    The belief in a place x of landmark k is its own heatmap times, for every other landmark j, the sum over places y of
    j's heatmap at y times the share of training images in which k lay at x - y from j. Offsets are counted of the
    augmented images, in cells of a coarse grid.

    Args:
        num_landmarks: K. One landmark has nothing to lie from, and its heatmaps stay.

    Source: Tompson et al., Joint Training of a Convolutional Network and a Graphical Model for Human Pose Estimation,
    NIPS 2014; here the offsets are counted instead of learned.
    """

    #: (K, K, 2 CELLS - 1, 2 CELLS - 1) share of images in which landmark k lies at an offset (row, column) from
    #: landmark j, at [j, k]: a moving mean over batches.
    shares: torch.Tensor

    def __init__(self, num_landmarks: int) -> None:
        super().__init__()
        side = 2 * CELLS - 1
        self.register_buffer("shares", torch.zeros(num_landmarks, num_landmarks, side, side))

    @torch.no_grad()
    def count(self, points: torch.Tensor, status: torch.Tensor, size_hw: tuple[int, int]) -> None:
        """Counts the offsets of points (B, K, 2), pixels (x, y) of an image, where the status (B, K) is defined."""
        landmarks = points.shape[1]
        known = (status > 0) & points.isfinite().all(-1)
        cells = torch.where(known[..., None], points, 0.0).to(self.shares) * CELLS / max(size_hw)
        offsets = cells[:, None] - cells[:, :, None]  # [b, j, k] is of k from j
        both = known[:, None] & known[:, :, None] & ~torch.eye(landmarks, dtype=torch.bool, device=known.device)
        axis = torch.arange(1 - CELLS, CELLS, device=self.shares.device, dtype=self.shares.dtype)
        across, down = (torch.exp(-((axis - offsets[..., d, None]) ** 2) / (2 * SPREAD**2)) for d in (0, 1))
        seen = torch.einsum("bjkr,bjkc,bjk->jkrc", down, across, both.to(down)) / len(points)
        self.shares.lerp_(seen, MEMORY)

    def forward(self, heatmaps: torch.Tensor) -> torch.Tensor:
        """Beliefs of the size of raw heatmaps (B, K, h, w) that were trained with the spatial cross-entropy."""
        mass = self.shares.flatten(2).sum(-1)
        belief = _doubted(heatmaps.float().flatten(2).softmax(-1).view(heatmaps.shape))
        if not len(mass) > 1:
            return belief
        height, width = heatmaps.shape[2:]
        cell = max(height, width) / CELLS
        rows, columns = math.ceil(height / cell), math.ceil(width / cell)
        coarse = F.adaptive_avg_pool2d(belief, (rows, columns))
        kernels = self.shares / mass.clamp(min=1e-12)[..., None, None]
        # turned about, since conv2d correlates: the message at x is of all y with the offset x - y
        kernels = kernels.flatten(0, 1)[:, None].flip(2, 3)
        messages = F.conv2d(coarse, kernels, padding=CELLS - 1, groups=len(mass))  # of j to each k, j by j
        messages = messages.view(len(coarse), len(mass), len(mass), rows, columns)
        messages = messages / messages.amax((-2, -1), keepdim=True).clamp(min=1e-30)
        heard = (mass > 0)[..., None, None]  # a pair that was never seen together says nothing
        factor = torch.where(heard, messages + FLOOR, 1.0).prod(dim=1)
        return belief * F.interpolate(factor, size=(height, width), mode="bilinear", align_corners=False)


def _doubted(share: torch.Tensor) -> torch.Tensor:
    height, width = share.shape[2:]
    return (1 - DOUBT) * share + DOUBT / (height * width)
