"""How far the features and the class probabilities of two networks are apart: the regularisers of distillation."""

from __future__ import annotations

from typing import Literal

import torch

from monai_ext.landmarks import InputError

#: What of the features is compared: the whole map as one vector, its mean over the pixels, or each pixel's vector.
Level = Literal["map", "pooled", "pixel"]

LEVELS: tuple[Level, ...] = ("map", "pooled", "pixel")

#: A vector shorter than this has no direction.
SHORTEST = 1e-6


def classifier_distance(g_s: torch.Tensor, g_t: torch.Tensor, temperature: float = 2.0) -> torch.Tensor:
    """L_CD: mean over the batch of ``||softmax(g_s / mu) - softmax(g_t / mu)||^2``, in [0, 2].

    Equation 3 of Fu et al., MLMI 2020. Computed in float32; exactly 0 for equal logits.

    Args:
        g_s: (B, N) logits of the source.
        g_t: (B, N) logits of the target.
        temperature: mu.
    """
    with torch.autocast(g_t.device.type, enabled=False):
        source, target = ((g.float() / temperature).softmax(1) for g in (g_s, g_t))
        return (source - target).square().sum(1).mean()


def encoder_distance(f_s: torch.Tensor, f_t: torch.Tensor, level: Level = "map") -> torch.Tensor:
    """L_ED: 1 - mean of the cosine between the features, over the batch and, for ``pixel``, the pixels; in [0, 2].

    Equation 4 of Fu et al., MLMI 2020, with the mean over the batch in place of a sum, whose minimum would be 1 - B.
    It is computed in float32 as half the squared distance of the unit vectors, which is the same number and exactly 0
    for equal features. A vector of zeros has no direction: it is 0 from another one and 1/2 from any unit vector.

    Args:
        f_s: (B, C, h, w) features of the source.
        f_t: (B, C, h, w) features of the target.
        level: what is compared.

    Raises:
        InputError: an unknown level, or features of different shapes.
    """
    if level not in LEVELS:
        raise InputError(f"Features are compared at a level {', '.join(LEVELS)}, not {level!r}.")
    if f_s.shape != f_t.shape:
        raise InputError(f"Features to compare have one shape, not {tuple(f_s.shape)} and {tuple(f_t.shape)}.")
    with torch.autocast(f_t.device.type, enabled=False):
        source, target = (_unit(_vectors(f.float(), level)) for f in (f_s, f_t))
        return 0.5 * (source - target).square().sum(1).mean()


def _vectors(features: torch.Tensor, level: Level) -> torch.Tensor:
    """(B, D) or (B, D, P) vectors along the second axis."""
    if level == "map":
        return features.flatten(1)
    return features.mean((2, 3)) if level == "pooled" else features.flatten(2)


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors of length 1; those without a direction become zeros, with a gradient of zeros."""
    squares = vectors.square().sum(1, keepdim=True)
    directed = squares > SHORTEST**2
    length = torch.where(directed, squares, 1.0).sqrt()
    return torch.where(directed, vectors / length, 0.0)
