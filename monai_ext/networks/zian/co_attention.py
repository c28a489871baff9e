"""Co-attention of two regions of interest: the features of each are gathered by their similarity to the other's."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError


def co_attend(
    a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The attention summaries of ZIAN's equation 1, for two feature maps in one frame.

    With V_a and V_b the (C, h * w) columns of the maps: ``S = V_b^T W V_a``, ``Z_a = V_a softmax(S)`` and
    ``Z_b = V_b softmax(S^T)``, the softmax making every column of weights sum to 1. Place j of Z_a is thus the mean of
    a over the places i where b_i resembles a_j. Nothing of size (h * w)^2 is kept in memory.

    Args:
        a: (N, C, h, w).
        b: (N, C, h, w), of the same place: pixel i of both maps shows the same point.
        weight: (C, C) matrix W; None is the identity.

    Returns:
        Z_a and Z_b, (N, C, h, w) each.

    Raises:
        InputError: the maps differ in shape.

    Source: Lei et al., Zoom-In Attentive Networks, OMIA 2022, equation 1.
    """
    if a.ndim != 4 or a.shape != b.shape:
        raise InputError(
            f"Co-attention needs two maps (N, C, h, w) of one shape, not {tuple(a.shape)}, {tuple(b.shape)}."
        )
    tokens_a, tokens_b = _tokens(a), _tokens(b)
    query_a, query_b = tokens_a, tokens_b
    if weight is not None:
        query_a, query_b = tokens_a @ weight.T, tokens_b @ weight
    summaries = F.scaled_dot_product_attention(
        torch.cat([query_a, query_b]), torch.cat([tokens_b, tokens_a]), torch.cat([tokens_a, tokens_b]), scale=1.0
    )
    maps = summaries[:, 0].unflatten(1, a.shape[2:]).permute(0, 3, 1, 2)
    return maps[: len(a)], maps[len(a) :]


class CoAttention(nn.Module):
    """Two maps of tokens to two refined maps, enlarged: ``up(relu(bn(conv3x3([Z, V]))))``.

    Args:
        channels: C.
        weight: learn the matrix W of the similarity, and give each region a convolution and gate of its own. Without
            it both regions share one.
        gate: weigh each place of Z by a sigmoid of its features.
        upscale: the output is larger by this factor (bilinear).

    Source: Lei et al., OMIA 2022, section 2.2; the gate is that of Lu et al., CVPR 2019.
    """

    def __init__(self, channels: int = 16, weight: bool = False, gate: bool = False, upscale: int = 4) -> None:
        super().__init__()
        own = 2 if weight else 1
        # Training starts from the plain similarity.
        self.weight = nn.Parameter(torch.eye(channels)) if weight else None
        self.gates = nn.ModuleList(nn.Conv2d(channels, 1, 1) for _ in range(own if gate else 0))
        self.refine = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
            )
            for _ in range(own)
        )
        self.upscale = upscale

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """V'_a and V'_b, (N, C, upscale * h, upscale * w), of two maps (N, C, h, w) in one frame."""
        z_a, z_b = co_attend(a, b, self.weight)
        if len(self.refine) == 1:
            refined = self._refined(torch.cat([z_a, z_b]), torch.cat([a, b]), 0)
            return refined[: len(a)], refined[len(a) :]
        return self._refined(z_a, a, 0), self._refined(z_b, b, 1)

    def _refined(self, summary: torch.Tensor, features: torch.Tensor, index: int) -> torch.Tensor:
        if len(self.gates):
            summary = summary * self.gates[index](summary).sigmoid()
        refined = self.refine[index](torch.cat([summary, features], 1))
        return F.interpolate(refined, scale_factor=float(self.upscale), mode="bilinear", align_corners=False)


def _tokens(features: torch.Tensor) -> torch.Tensor:
    """(N, 1, h * w, C) contiguous tokens, which the fast attention kernels need, of (N, C, h, w)."""
    return features.permute(0, 2, 3, 1).flatten(1, 2).contiguous()[:, None]
