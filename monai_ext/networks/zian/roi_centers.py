"""Where regions of interest are centred in training: near the true points."""

from __future__ import annotations

import torch

#: Largest shift per axis in pixels, and how often a centre is shifted (Lei et al., OMIA 2022).
JITTER, JITTER_PROBABILITY = 16.0, 0.8


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
