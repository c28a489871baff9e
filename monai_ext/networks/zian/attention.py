"""Attention of ZIAN: among the tokens of one map through learned attractors, and between two regions of interest."""

from __future__ import annotations

import math

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


class ModeAggregation(nn.Module):
    """Weighs the modes of every token by a softmax over a learned score: ``sum_m softmax_m(w . x_m + o_m) x_m``.

    A softmax knows only differences, so that M modes have M - 1 offsets: the first mode's is 0.

    Args:
        channels: C.
        modes: number M of modes, at least 2.

    Raises:
        InputError: fewer than two modes.
    """

    def __init__(self, channels: int, modes: int = 2) -> None:
        super().__init__()
        if modes < 2:
            raise InputError(f"At least 2 modes are needed to weight them, not {modes}.")
        self.score = nn.Parameter(torch.empty(channels).uniform_(-1, 1) / math.sqrt(channels))
        self.offsets = nn.Parameter(torch.zeros(modes - 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, L, C) of (N, L, M, C)."""
        # Mode by mode: modes are few and tokens many, so that nothing of the size of all modes is made on the way.
        modes = features.unbind(2)
        score = self.score.to(features.dtype)
        scores = torch.stack([mode @ score for mode in modes], -1) + F.pad(self.offsets, (1, 0))
        weights = scores.softmax(-1)[..., None].unbind(2)
        total = weights[0] * modes[0]
        for weight, mode in zip(weights[1:], modes[1:], strict=True):
            total = torch.addcmul(total, weight, mode)
        return total


class SqueezedAttention(nn.Module):
    """Learned attractors attend to all tokens.

    Keys and values are linear in the tokens. Their projections are therefore applied on the side of the attractors,
    which are few: ``q . (K t) = (K^T q) . t`` and ``sum p (V t + v) = V (sum p t) + v``, the same result. So are the
    gain and offset of the tokens' norm. The keys have no bias, which the softmax would cancel.

    Args:
        channels: C.
        attractors: number A of attractors.
        modes: number M of modes, each with projections of its own.
    """

    def __init__(self, channels: int, attractors: int = 256, modes: int = 2) -> None:
        super().__init__()
        self.modes = modes
        self.attractors = nn.Parameter(torch.randn(attractors, channels))
        self.token_norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, modes * channels)
        self.key = nn.Linear(channels, modes * channels, bias=False)
        self.value = nn.Linear(channels, modes * channels)
        self.output_norm = nn.LayerNorm(channels)
        self.aggregate = ModeAggregation(channels, modes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, A, C) summaries of (N, L, C) tokens."""
        return self.summarise(standardised(tokens, self.token_norm))

    def summarise(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, A, C) summaries of (N, L, C) tokens that are :func:`standardised` already."""
        number, _, channels = tokens.shape
        tokens = tokens.contiguous()[:, None]
        query = self.query(self.attractors).unflatten(-1, (self.modes, channels)).transpose(0, 1)
        query = query @ self.key.weight.unflatten(0, (self.modes, channels)) * self.token_norm.weight
        query = query.reshape(1, 1, -1, channels).to(tokens.dtype).expand(number, -1, -1, -1).contiguous()
        # All modes are queries to one head, as they share the tokens.
        summary = F.scaled_dot_product_attention(query, tokens, tokens, scale=channels**-0.5)
        summary = summary.reshape(number, self.modes, -1, channels) * self.token_norm.weight + self.token_norm.bias
        value_weight = self.value.weight.unflatten(0, (self.modes, channels)).transpose(1, 2)
        value = summary @ value_weight + self.value.bias.reshape(self.modes, 1, channels)
        return self.aggregate(self.output_norm(value).transpose(1, 2))


class ExpandedAttention(nn.Module):
    """Tokens attend to the attractors in M modes; each mode has an output projection, and learned weights join them.

    The output projection is linear, so that it is applied to the values, which are few: the same result. The gain and
    offset of the tokens' norm are applied to the weights of the queries.

    Args:
        channels: C.
        modes: number M of modes.
    """

    def __init__(self, channels: int, modes: int = 2) -> None:
        super().__init__()
        self.modes = modes
        self.token_norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, modes * channels)
        self.key = nn.Linear(channels, modes * channels, bias=False)
        self.value = nn.Linear(channels, modes * channels)
        self.project = nn.Conv1d(modes * channels, modes * channels, 1, groups=modes)
        self.output_norm = nn.LayerNorm(channels)
        self.aggregate = ModeAggregation(channels, modes)

    def forward(self, tokens: torch.Tensor, attractors: torch.Tensor) -> torch.Tensor:
        """(N, L, C) of (N, L, C) tokens and (N, A, C) attractors."""
        return self.attend(standardised(tokens, self.token_norm), attractors)

    def attend(self, tokens: torch.Tensor, attractors: torch.Tensor) -> torch.Tensor:
        """(N, L, C) of (N, L, C) tokens that are :func:`standardised` already, and (N, A, C) attractors."""
        weight, bias = self.query.weight, self.query.bias
        # The modes lie beside each other in memory from the projection to the sum: the tokens are never copied.
        query = self._by_mode(F.linear(tokens, weight * self.token_norm.weight, weight @ self.token_norm.bias + bias))
        key = self._by_mode(self.key(attractors)).contiguous()
        value = self._by_mode(self.project(self.value(attractors).transpose(1, 2)).transpose(1, 2)).contiguous()
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.aggregate(self.output_norm(attended.transpose(1, 2)))

    def _by_mode(self, features: torch.Tensor) -> torch.Tensor:
        """(N, M, L, C) of (N, L, M * C)."""
        return features.unflatten(-1, (self.modes, -1)).transpose(1, 2)


class SqueezeExpansion(nn.Module):
    """Squeezed, then expanded attention over the pixels of a feature map, added to it.

    Args:
        channels: C.
        stride: tokens are averages of stride x stride pixels, and what they learn is enlarged again (bilinear)
            before it is added; 1 makes every pixel a token.
        attractors: number A of attractors.
        modes: number M of modes.

    Raises:
        InputError: a stride below 1 or fewer than two modes.

    Source: Li et al., Medical Image Segmentation Using Squeeze-and-Expansion Transformers, IJCAI 2021, section 3.
    """

    def __init__(self, channels: int, stride: int = 1, attractors: int = 256, modes: int = 2) -> None:
        super().__init__()
        if stride < 1:
            raise InputError(f"The stride of tokens must be at least 1, not {stride}.")
        self.stride = stride
        self.squeeze = SqueezedAttention(channels, attractors, modes)
        self.expand = ExpandedAttention(channels, modes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, h, w) of (N, C, h, w); h and w are multiples of the stride."""
        if features.shape[2] % self.stride or features.shape[3] % self.stride:
            raise InputError(
                f"A map of {features.shape[2]} x {features.shape[3]} cannot be cut into tokens of "
                f"{self.stride} x {self.stride}: choose another stride."
            )
        reduced = F.avg_pool2d(features, self.stride) if self.stride > 1 else features
        tokens = reduced.permute(0, 2, 3, 1).flatten(1, 2).contiguous()
        # Both blocks norm the tokens alike but for gain and offset: the tokens are kept once for their gradients.
        tokens = standardised(tokens, self.squeeze.token_norm)
        attended = self.expand.attend(tokens, self.squeeze.summarise(tokens))
        attended = attended.unflatten(1, reduced.shape[2:]).permute(0, 3, 1, 2)
        if self.stride > 1:
            attended = F.interpolate(attended, size=features.shape[2:], mode="bilinear", align_corners=False)
        return features + attended.to(features.dtype)


def standardised(tokens: torch.Tensor, norm: nn.LayerNorm) -> torch.Tensor:
    """(N, L, C) tokens of mean 0 and variance 1 each: what a norm makes of them before its gain and offset."""
    return F.layer_norm(tokens, norm.normalized_shape, eps=norm.eps)
