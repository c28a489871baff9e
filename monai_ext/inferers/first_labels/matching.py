"""The landmarks of labelled images found in another image: by deep features in a shape, then by shallow ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch.nn import functional as F

from monai_ext.landmarks import Status

from .features import DEEP, FINE, Level, Seen, cell_pixels, describe, read_at, similarity, to_cells, to_pixels
from .shape import PRICE, common_shape, extent, find_pose, fit_similarity

#: Standard deviation of landmarks about the labelled shape, of its extent; at least so many pixels.
FREEDOM, LEAST_FREEDOM = 0.12, 4.0
#: Extent of a shape of one landmark, of the image's width.
LONE_EXTENT = 0.25
#: How often the shape is fitted to what was found and the search repeated near it.
ROUNDS = 4
#: Pixels about the coarse place in which the fine one is looked for.
WINDOW = 20.0
#: Least share of a landmark in the fit of the shape.
_LEAST_SHARE = 0.05
_NEVER = 1e3


@dataclass(frozen=True)
class Template:
    """A labelled image as it was seen.

    Attributes:
        seen: the image.
        points: (K, 2) float64 pixels of the image.
        status: (K,) codes of :class:`~monai_ext.landmarks.Status`.
    """

    seen: Seen
    points: torch.Tensor
    status: torch.Tensor

    @cached_property
    def defined(self) -> torch.Tensor:
        """(K,) bool, which landmarks have a point."""
        return self.status == int(Status.DEFINED)

    @cached_property
    def descriptors(self) -> dict[int, torch.Tensor]:
        """(K, C, a, a) features around the points by stride."""
        points = torch.where(self.defined[:, None], self.points, 0.0)
        return {level.stride: describe(self.seen, points, level) for level in (FINE, *DEEP)}


class Match(NamedTuple):
    """Places that were found in an image.

    Attributes:
        points: (K, 2) float64 pixels; NaN for a landmark that no labelled image has.
        likeness: (K,) similarity there, at most 1; NaN likewise.
        score: how well the labelled shape lies in the image, with its similarities.
    """

    points: torch.Tensor
    likeness: torch.Tensor
    score: float


def find_match(templates: Sequence[Template], seen: Seen) -> Match:
    """Finds the landmarks of labelled images in another image of the same scale.

    Deep features say where the labelled shape lies (see :func:`~.pose.find_pose`); then each landmark is looked for
    near its place in the shape and the shape is fitted to what was found, in turn, so that a landmark off the shape is
    looked for again; last, shallow features say where exactly, about the place that was found and still at a price for
    lying off the shape.

    Args:
        templates: at least one, of the same K landmarks, of which one has a point somewhere.
        seen: the image.
    """
    known = torch.stack([template.defined for template in templates]).any(0)
    shape = common_shape([t.points for t in templates], [t.defined for t in templates])[known]
    size = extent(shape) if len(shape) > 1 else LONE_EXTENT * seen.size_wh[0]
    freedom = max(FREEDOM * size, LEAST_FREEDOM)
    stride = DEEP[0].stride
    deep = deep_likeness(templates, seen)[known]
    pose = find_pose(deep, shape, stride, freedom)
    expected, points = _settle(_Search(deep, stride, seen), shape, pose.points, freedom)

    fine = _mean_likeness(templates, seen, FINE)[known]
    others = F.interpolate(deep[None], size=fine.shape[-2:], mode="bilinear", align_corners=False)[0]
    near = (cell_pixels((fine.shape[1], fine.shape[2]), FINE.stride) - points[:, None, None]).abs().amax(-1) <= WINDOW
    search = _Search(torch.where(near, (others + fine) / 2, -_NEVER), FINE.stride, seen)
    points, likeness = search.near(expected, freedom)
    others = others - 2 * search.price(expected, freedom).to(others.dtype)
    points = _within_cell(templates, known, seen, points, others)
    return Match(_spread(points, known), _spread(likeness, known), pose.score)


def deep_likeness(templates: Sequence[Template], seen: Seen) -> torch.Tensor:
    """(K, h, w) mean similarity of the deep levels at the stride of the first; 0 for a landmark without a point."""
    first = DEEP[0].stride
    size = (seen.size_wh[1] // first, seen.size_wh[0] // first)
    total = torch.zeros(())
    for level in DEEP:
        maps = _mean_likeness(templates, seen, level)
        if maps.shape[-2:] != size:
            maps = F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False)[0]
        total = total + level.weight * maps
    return total / sum(level.weight for level in DEEP)


def best_places(likeness: torch.Tensor, seen: Seen) -> torch.Tensor:
    """(K, 2) float64 pixels at which a landmark alone, without a shape, looks likest at the first deep level."""
    return _Search(likeness, DEEP[0].stride, seen).anywhere()


def _mean_likeness(templates: Sequence[Template], seen: Seen, level: Level) -> torch.Tensor:
    known = torch.stack([template.defined for template in templates]).float()
    maps = [similarity(seen, template.descriptors[level.stride], level) for template in templates]
    return torch.einsum("nk,nkhw->khw", known / known.sum(0).clamp_min(1), torch.stack(maps))


def _settle(
    search: _Search, shape: torch.Tensor, expected: torch.Tensor, freedom: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Settles the shape and its landmarks: expected places and found ones."""
    points, likeness = search.near(expected, freedom)
    for _ in range(ROUNDS - 1):
        if len(shape) == 1:
            break
        off = (points - expected).norm(dim=1) / freedom
        matrix, offset = fit_similarity(shape, points, likeness.clamp_min(_LEAST_SHARE) / (1 + off.square()))
        expected = shape @ matrix.T + offset
        points, likeness = search.near(expected, freedom)
    return expected, points


def _within_cell(
    templates: Sequence[Template], known: torch.Tensor, seen: Seen, points: torch.Tensor, others: torch.Tensor
) -> torch.Tensor:
    """(K, 2) pixels, no farther than half a cell from those that were found in whole cells, that fit best.

    The shallow features of both sides are read between the cells: a cell and a place between cells are never quite
    alike. What else speaks for a place is read from its (K, h, w) map.
    """
    reach = FINE.stride // 2
    steps = cell_pixels((2 * reach + 1, 2 * reach + 1), 1) - reach
    places = points[:, None, None] + steps
    found = F.normalize(describe(seen, places.flatten(0, 2), FINE).flatten(1), dim=1).unflatten(0, places.shape[:3])
    shares = torch.stack([template.defined[known] for template in templates]).float()
    shares = shares / shares.sum(0).clamp_min(1)
    total = read_at(others[:, None], to_cells(places, FINE.stride).to(others.dtype), "border")[:, 0]
    for template, share in zip(templates, shares, strict=True):
        own = F.normalize(template.descriptors[FINE.stride][known].flatten(1), dim=1)
        total = total + share[:, None, None] * torch.einsum("kc,kyxc->kyx", own, found)
    low, high = seen.bounds
    return (points + _peaks(total.double())[0] - reach).clamp(low, high)


class _Search:
    """Looks for the cells of the highest similarity.

    Args:
        likeness: (K, h, w).
        stride: pixels of a cell.
        seen: the image.
    """

    def __init__(self, likeness: torch.Tensor, stride: int, seen: Seen) -> None:
        self._likeness, self._stride = likeness.double(), stride
        self._cells = cell_pixels((likeness.shape[1], likeness.shape[2]), stride)
        low, high = self._bounds = seen.bounds
        within = ((self._cells >= low - stride / 2) & (self._cells <= high + stride / 2)).all(-1)
        self._outside = torch.where(within, 0.0, _NEVER).double()

    def near(self, expected: torch.Tensor, freedom: float) -> tuple[torch.Tensor, torch.Tensor]:
        """The likeliest (K, 2) pixels at a price for the distance from where they are expected; (K,) similarity."""
        return self._best(self._likeness - self.price(expected, freedom))

    def price(self, expected: torch.Tensor, freedom: float) -> torch.Tensor:
        """(K, h, w) similarity that each cell has to have more, for its distance from where a landmark is expected."""
        off = (self._cells - expected[:, None, None]) / freedom
        return 0.5 * PRICE * off.square().sum(-1)

    def anywhere(self) -> torch.Tensor:
        """The likeliest (K, 2) pixels."""
        return self._best(self._likeness)[0]

    def _best(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cells, index = _peaks(values - self._outside)
        likeness = self._likeness.flatten(1).gather(1, index[:, None])[:, 0]
        return to_pixels(cells, self._stride).clamp(*self._bounds), likeness


def _peaks(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(K, 2) cells (x, y) of the tops of (K, h, w) values, between the cells, and (K,) the number of the top's cell."""
    count, height, width = values.shape
    index = values.flatten(1).argmax(1)
    k, y, x = torch.arange(count), index // width, index % width
    right, left = values[k, y, (x + 1).clamp(max=width - 1)], values[k, y, (x - 1).clamp(min=0)]
    below, above = values[k, (y + 1).clamp(max=height - 1), x], values[k, (y - 1).clamp(min=0), x]
    top = values[k, y, x]
    steps = torch.stack([_vertex(left, top, right), _vertex(above, top, below)], -1)
    return torch.stack([x, y], -1) + steps, index


def _vertex(before: torch.Tensor, top: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Top of the parabola through three values, in steps from the middle one."""
    bend = before - 2 * top + after
    step = torch.where(bend < -1e-9, 0.5 * (before - after) / bend.clamp(max=-1e-9), 0.0)
    return step.clamp(-0.5, 0.5)


def _spread(values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Values of the known landmarks at their places among all."""
    whole = values.new_full((len(known), *values.shape[1:]), torch.nan)
    whole[known] = values
    return whole
