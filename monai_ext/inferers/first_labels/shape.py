"""Shapes of labelled points (K, 2), float64 pixels: similarity maps between them, and their best pose on an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn import functional as F

from .features import read_at, to_cells, to_pixels

#: Poses that are tried, relative to the labelled ones: degrees and factors.
TURNS = (-24.0, -16.0, -8.0, 0.0, 8.0, 16.0, 24.0)
SCALES = (0.75, 0.85, 0.93, 1.0, 1.08, 1.18, 1.33)

#: Standard deviations of poses about the labelled one: of the image's diagonal, degrees, logarithm of the factor.
SHIFT, TURN, GROWTH = 0.15, 12.0, 0.15

#: Similarity that one standard deviation off what is expected has to bring, as half its square.
PRICE = 0.06

#: Cells that a landmark may lie off the shape while poses are tried.
_SLACK = 3

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

    An image that shares no landmark with the one that has most is laid on the mean of the others; where it shares none
    with them either, its landmarks stay where they lie in the mean.
    """
    first = max(range(len(points)), key=lambda n: int(defined[n].sum()))
    laid: list[torch.Tensor] = []
    for xy, known in zip(points, defined, strict=True):
        both = known & defined[first]
        if bool(both.any()):
            matrix, offset = fit_similarity(xy[both], points[first][both], both[both].to(xy.dtype))
            laid.append(torch.where(known[:, None], xy @ matrix.T + offset, torch.nan))
    shape, places = torch.stack(laid).nanmean(0), mean_place(points, defined)
    for xy, known in zip(points, defined, strict=True):
        both, new = known & shape.isfinite().all(1), known & ~shape.isfinite().all(1)
        if bool(both.any()) and bool(new.any()):
            matrix, offset = fit_similarity(xy[both], shape[both], both[both].to(xy.dtype))
            shape = torch.where(new[:, None], xy @ matrix.T + offset, shape)
    known = shape.isfinite().all(1)
    matrix, offset = fit_similarity(shape[known], places[known], known[known].to(shape.dtype))
    return torch.where(known[:, None], shape @ matrix.T + offset, places)


def extent(shape: torch.Tensor) -> float:
    """The root mean square distance of points to their middle, pixels."""
    return float((shape - shape.mean(0)).square().sum(1).mean().sqrt())


class Pose(NamedTuple):
    """A pose of a shape.

    Attributes:
        score: mean similarity less the price of what is unusual.
        points: (K, 2) float64 pixels at which the shape lies.
    """

    score: float
    points: torch.Tensor


def find_pose(likeness: torch.Tensor, shape: torch.Tensor, stride: int, tolerance: float) -> Pose:
    """The best pose of a shape.

    Args:
        likeness: (K, h, w) similarity of each cell to each landmark.
        shape: (K, 2) float64 pixels.
        stride: pixels of a cell.
        tolerance: standard deviation of landmarks about the shape, pixels.
    """
    near = _best_near(likeness, tolerance / stride)
    _, height, width = likeness.shape
    middle = shape.mean(0)
    arms = ((shape - middle) / stride).to(likeness.dtype)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    cells = torch.stack([x, y], -1).to(likeness.dtype)
    reach = SHIFT * math.hypot(width, height)
    cost = 0.5 * PRICE * ((cells - to_cells(middle, stride).to(cells.dtype)) / reach).square().sum(-1)
    one = len(shape) == 1
    best = Pose(-math.inf, shape)
    for degrees in (0.0,) if one else TURNS:
        turn = _turn(degrees).to(cells.dtype)
        for factor in (1.0,) if one else SCALES:
            places = cells + (factor * arms @ turn.T)[:, None, None]
            score = read_at(near[:, None], places, "zeros")[:, 0].mean(0) - cost
            top, index = score.flatten().max(0)
            price = 0.5 * PRICE * ((degrees / TURN) ** 2 + (math.log(factor) / GROWTH) ** 2)
            if float(top) - price > best.score:
                centre = to_pixels(cells.flatten(0, 1)[index].double(), stride)
                best = Pose(float(top) - price, centre + factor * (shape - middle) @ _turn(degrees).T)
    return best


def _turn(degrees: float) -> torch.Tensor:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)


def _best_near(likeness: torch.Tensor, tolerance: float) -> torch.Tensor:
    """The largest similarity around each cell, less the price of its distance."""
    best = likeness
    for radius in range(1, _SLACK + 1):
        price = 0.5 * PRICE * (radius / tolerance) ** 2
        best = torch.maximum(best, F.max_pool2d(likeness[None], 2 * radius + 1, 1, radius)[0] - price)
    return best
