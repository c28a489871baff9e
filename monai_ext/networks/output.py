"""What every heatmap network returns."""

from __future__ import annotations

from typing import NamedTuple

import torch


class HeatmapOutput(NamedTuple):
    """One forward pass over B images of K landmarks.

    Attributes:
        heatmaps: (B, K, H, W) raw output; what it means depends on the loss that it is trained with.
        presence: (B, K) logits of the landmark being in the image, or None where the network does not tell.
    """

    heatmaps: torch.Tensor
    presence: torch.Tensor | None = None
