"""The shape that labelled points have in common, and similarity maps between shapes, of (K, 2) float64 pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch

_SAME_PLACE = 1e-9


def fit_similarity(
    source: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The similarity (turn, scale, shift; no mirror) that takes points to others with the least squares.

    Points that are one, or lie at one place, are shifted only.

    Args:
        source: (K, 2).
        target: (K, 2).
        weight: (K,) not negative, one of them positive.

    Returns:
        (2, 2) matrix A and (2,) offset b of ``A @ point + b``.
    """
    share = (weight / weight.sum())[:, None]
    middle, aim = (share * source).sum(0), (share * target).sum(0)
    a, b = source - middle, target - aim
    spread = (share * a * a).sum()
    if float(spread) < _SAME_PLACE:
        return torch.eye(2, dtype=source.dtype), aim - middle
    cosine = (share * a * b).sum() / spread
    sine = (share[:, 0] * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum() / spread
    matrix = torch.stack([torch.stack([cosine, -sine]), torch.stack([sine, cosine])])
    return matrix, aim - matrix @ middle


def mean_place(points: Sequence[torch.Tensor], defined: Sequence[torch.Tensor]) -> torch.Tensor:
    """(K, 2) means over the images that have the landmark; NaN where none has."""
    pairs = zip(points, defined, strict=True)
    return torch.stack([torch.where(known[:, None], xy, torch.nan) for xy, known in pairs]).nanmean(0)


def common_shape(points: Sequence[torch.Tensor], defined: Sequence[torch.Tensor]) -> torch.Tensor:
    """(K, 2) the mean of shapes that are laid onto each other, where the points lie in the mean; NaN where unknown.

    Args:
        points: of each image.
        defined: (K,) bool of each image.
    """
    first = max(range(len(points)), key=lambda n: int(defined[n].sum()))
    laid: list[torch.Tensor] = []
    for xy, known in zip(points, defined, strict=True):
        both = known & defined[first]
        if bool(both.any()):
            matrix, offset = fit_similarity(xy[both], points[first][both], both[both].to(xy.dtype))
            laid.append(torch.where(known[:, None], xy @ matrix.T + offset, torch.nan))
    shape, places = torch.stack(laid).nanmean(0), mean_place(points, defined)
    known = shape.isfinite().all(1)
    matrix, offset = fit_similarity(shape[known], places[known], known[known].to(shape.dtype))
    return shape @ matrix.T + offset


def extent(shape: torch.Tensor) -> float:
    """The root mean square distance of points to their middle, pixels."""
    return float((shape - shape.mean(0)).square().sum(1).mean().sqrt())
