"""ZIAN's attention with every product of its equations written out, to compare with."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.networks.zian import CoAttention, SqueezeExpansion
from monai_ext.networks.zian.attention import ExpandedAttention, ModeAggregation, SqueezedAttention


def write_out(network: nn.Module) -> nn.Module:
    """Gives the network's attention the same sums as plain matrix products, every projection on its own side."""
    for module in network.modules():
        if type(module) in WRITTEN_OUT:
            module.forward = MethodType(WRITTEN_OUT[type(module)], module)
    return network


def co_attention(module: CoAttention, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """S = V_b^T W V_a, Z_a = V_a softmax(S), Z_b = V_b softmax(S^T)."""
    v_a, v_b = a.flatten(2), b.flatten(2)
    weighted = v_a if module.weight is None else module.weight @ v_a
    similarity = v_b.transpose(1, 2) @ weighted
    z_a = (v_a @ similarity.softmax(1)).reshape(a.shape)
    z_b = (v_b @ similarity.transpose(1, 2).softmax(1)).reshape(b.shape)
    return module._refined(z_a, a, 0), module._refined(z_b, b, len(module.refine) - 1)


def squeezed(module: SqueezedAttention, tokens: torch.Tensor) -> torch.Tensor:
    """Keys and values of every token, then softmax(q k^T / sqrt(C)) v."""
    normed = module.token_norm(tokens)
    query, key, value = (
        by_mode(x, module.modes)
        for x in (module.query(module.attractors)[None], module.key(normed), module.value(normed))
    )
    return module.aggregate(module.output_norm(attention(query, key, value)).transpose(1, 2))


def expanded(module: ExpandedAttention, tokens: torch.Tensor, attractors: torch.Tensor) -> torch.Tensor:
    """softmax(q k^T / sqrt(C)) v, then the output projection of each mode."""
    query, key, value = (
        by_mode(x, module.modes)
        for x in (module.query(module.token_norm(tokens)), module.key(attractors), module.value(attractors))
    )
    attended = attention(query, key, value).transpose(1, 2).flatten(2)
    projected = module.project(attended.transpose(1, 2)).transpose(1, 2)
    return module.aggregate(module.output_norm(projected.unflatten(-1, (module.modes, -1))))


def both(module: SqueezeExpansion, features: torch.Tensor) -> torch.Tensor:
    """Squeezed, then expanded attention of all pixels, each with a norm of its own."""
    reduced = F.avg_pool2d(features, module.stride) if module.stride > 1 else features
    tokens = reduced.flatten(2).transpose(1, 2).contiguous()
    attended = expanded(module.expand, tokens, squeezed(module.squeeze, tokens)).transpose(1, 2).reshape(reduced.shape)
    if module.stride > 1:
        attended = F.interpolate(attended, size=features.shape[2:], mode="bilinear", align_corners=False)
    return features + attended


def aggregated(module: ModeAggregation, features: torch.Tensor) -> torch.Tensor:
    """Softmax over the modes' scores, then the weighted sum."""
    scores = features @ module.score + F.pad(module.offsets, (1, 0))
    return (scores.softmax(2)[..., None] * features).sum(2)


def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1) @ value


def by_mode(features: torch.Tensor, modes: int) -> torch.Tensor:
    return features.unflatten(-1, (modes, -1)).transpose(1, 2)


WRITTEN_OUT: dict[type, Callable] = {
    CoAttention: co_attention,
    SqueezeExpansion: both,
    SqueezedAttention: squeezed,
    ExpandedAttention: expanded,
    ModeAggregation: aggregated,
}
