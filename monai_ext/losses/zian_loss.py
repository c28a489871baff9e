"""The loss of a ZIAN: mean squared errors of its coarse, region and fine heatmaps, masked by status."""

from __future__ import annotations

import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks.zian.output import ZianOutput

from .masked_mse import MaskedMSELoss

#: Weights of the three stages, equation 2 of Lei et al., OMIA 2022.
ALPHA, BETA, GAMMA = 1.0, 0.25, 1.0


class ZianLoss(nn.Module):
    """``alpha * L_coarse + beta * sum(L_roi) + gamma * L_fine`` against Gaussians of amplitude 1.

    Targets are drawn in the frame of each heatmap, with the centre at its sub-pixel place. A missing landmark's target
    is all zero in every stage. A landmark that is not annotated does not count, and neither does one whose point lies
    off its region in the loss of that region: no cell of it would be right.

    Args:
        alpha: weight of the coarse heatmaps.
        beta: weight of each region's heatmaps.
        gamma: weight of the fine heatmaps.
        sigma: standard deviation of the targets, in pixels of each heatmap.

    Raises:
        InputError: a negative weight, or a sigma that is not positive.
    """

    def __init__(self, alpha: float = ALPHA, beta: float = BETA, gamma: float = GAMMA, sigma: float = 2.0) -> None:
        super().__init__()
        if min(alpha, beta, gamma) < 0:
            raise InputError(f"The weights of ZIAN's loss are not negative, as {alpha}, {beta} and {gamma} are.")
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        self.mse = MaskedMSELoss(sigma)

    def forward(self, output: ZianOutput, points: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        """The loss, a float32 scalar.

        Args:
            output: what the network returned.
            points: (B, K, 2) points (x, y) in pixels of the image; ignored where not defined, NaN allowed there.
            status: (B, K) codes of Status.
        """
        points = points.float()
        loss = self.alpha * self.mse(output.coarse, output.coarse_frame.from_image(points), status)
        if output.roi is None or output.fine is None or output.fine_frame is None:
            return loss
        targets = output.fine_frame.from_image(points)
        for heatmaps in output.roi:
            loss = loss + self.beta * self.mse(heatmaps, targets, status)
        return loss + self.gamma * self.mse(output.fine, targets, status)
