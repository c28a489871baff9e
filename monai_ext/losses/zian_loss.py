"""The loss of a ZIAN: mean squared errors of its coarse, region and fine heatmaps, masked by status."""

from __future__ import annotations

from monai_ext.landmarks import InputError

from .landmark_loss import LandmarkLoss
from .masked_mse import MaskedMSELoss

#: Weights of the three stages, equation 2 of Lei et al., OMIA 2022.
ALPHA, BETA, GAMMA = 1.0, 0.25, 1.0


class ZianLoss(LandmarkLoss):
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
        if min(alpha, beta, gamma) < 0:
            raise InputError(f"The weights of ZIAN's loss are not negative, as {alpha}, {beta} and {gamma} are.")
        super().__init__(MaskedMSELoss(sigma), weights={"coarse": alpha, "roi": beta, "fine": gamma})
