"""What a ZIAN returns: heatmaps with their frames, and points."""

from __future__ import annotations

from typing import NamedTuple

import torch

from monai_ext.networks.frame import RoiFrame
from monai_ext.networks.output import Stage


class ZianOutput(NamedTuple):
    """One forward pass over B images of K landmarks. Without regions of interest all but the coarse part is None.

    Attributes:
        coarse: (B, K, h, w) heatmaps of the image reduced by 4.
        coarse_frame: where their pixels lie on the image; its origin is (2,).
        roi: (R, B, K, S, S) heatmaps of the R regions, all of them in the frame of the first.
        fine: (B, K, S, S) heatmaps, one pixel of the image per cell.
        fine_frame: where the pixels of ``roi`` and ``fine`` lie on the image; its origin is (B, K, 2).
        presence: (B, K) logits of the landmark being in the image, or None where the network does not tell.
        second: (B, K, h, w) coarse heatmaps of a second look in training, None otherwise: ``coarse`` is then of both.
    """

    coarse: torch.Tensor
    coarse_frame: RoiFrame
    roi: torch.Tensor | None = None
    fine: torch.Tensor | None = None
    fine_frame: RoiFrame | None = None
    presence: torch.Tensor | None = None
    second: torch.Tensor | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The coarse heatmaps of each look, those of each region, and the fine ones, which are the answer."""
        looks = (self.coarse,) if self.second is None else (self.coarse, self.second)
        coarse = tuple(Stage("coarse", maps, self.coarse_frame) for maps in looks)
        if self.roi is None or self.fine is None or self.fine_frame is None:
            return coarse
        frame = self.fine_frame
        return *coarse, *(Stage("roi", maps, frame) for maps in self.roi), Stage("fine", self.fine, frame)


class ZianPrediction(NamedTuple):
    """The points of B images, in pixels of the image that the network was given.

    Attributes:
        points: (B, K, 2) points (x, y) of the last stage.
        confidence: (B, K) heights of their peaks, 0 to 1.
        coarse_points: (B, K, 2) points (x, y) of the coarse stage.
        coarse_confidence: (B, K) heights of their peaks, 0 to 1.
        covariance: (B, K, 2, 2) covariance of ``points`` in px^2 as the decoder reads it off, or None.
    """

    points: torch.Tensor
    confidence: torch.Tensor
    coarse_points: torch.Tensor
    coarse_confidence: torch.Tensor
    covariance: torch.Tensor | None = None
