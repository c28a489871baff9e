"""Landmarks proposed from the first labelled images, before there is a network, by matching pretrained features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from monai_ext.landmarks import InputError, Status

from .features import Seen
from .matching import Match, Template, best_places, deep_likeness, find_match
from .shape import mean_place

#: Labelled images that are matched at most.
MOST = 8
#: Pixels within which a landmark that is looked for backwards, in the labelled image, has to come back.
BACK = 24.0
#: Share of landmarks that have to come back, and their mean similarity.
LEAST_RETURNED, LEAST_LIKENESS = 0.6, 0.3


class LabelledView(NamedTuple):
    """A labelled image as the encoder sees it.

    Attributes:
        seen: the image.
        mirrored: the image flipped left to right; None if a mirror image is another thing.
        points: (K, 2) float64 pixels of the image.
        status: (K,) codes of :class:`~monai_ext.landmarks.Status`.
    """

    seen: Seen
    mirrored: Seen | None
    points: torch.Tensor
    status: torch.Tensor

    @property
    def defined(self) -> torch.Tensor:
        """(K,) bool, which landmarks have a point."""
        return self.status == int(Status.DEFINED)


class Proposal(NamedTuple):
    """Landmarks that the labelled images propose for another one.

    Attributes:
        points: (K, 2) float64 pixels; NaN for a landmark that no labelled image has.
        status: (K,) codes: missing where most labelled images lack the landmark, undefined if none contains it.
        confidence: (K,) in [0, 1]; NaN where not defined.
        returned: share of the landmarks that lead back to the labelled ones.
        likeness: mean similarity of the landmarks.
    """

    points: torch.Tensor
    status: torch.Tensor
    confidence: torch.Tensor
    returned: float
    likeness: float

    @property
    def holds(self) -> bool:
        """True if the features of the image resemble those of the labelled ones."""
        return self.returned >= LEAST_RETURNED and self.likeness >= LEAST_LIKENESS


class LeftOut(NamedTuple):
    """Errors of labelled images found by the others, one after the other left out.

    Attributes:
        matched: mean distance of the proposed points, pixels of the images as they were seen.
        placed: mean distance of the mean position of the others.
    """

    matched: float
    placed: float


class FirstLabels:
    """Finds the landmarks of a few labelled images in others; nothing is trained.

    Args:
        views: 1 to :data:`MOST` labelled images on one scale.
        swap: (K,) for each landmark its left/right partner or itself; used where the views have mirror images.

    Raises:
        InputError: no image, too many, or none with a point.
    """

    def __init__(self, views: Sequence[LabelledView], swap: Sequence[int]) -> None:
        if not 1 <= len(views) <= MOST:
            raise InputError(f"Matching needs 1 to {MOST} labelled images, not {len(views)}.")
        if not any(bool(view.defined.any()) for view in views):
            raise InputError("None of the labelled images has a placed point: place one.")
        self._views = [view for view in views if bool(view.defined.any())]
        self._swap = torch.as_tensor(list(swap))
        pairs = [self._both_ways(view) for view in self._views]
        #: The labelled images, all turned as the first one, and all turned the other way.
        self._ways: list[tuple[Template, Template | None]] = pairs[:1]
        for plain, mirrored in pairs[1:]:
            if mirrored is None:
                self._ways.append((plain, None))
                continue
            before = [way[0] for way in self._ways]
            like_first = find_match(before, plain.seen).score >= find_match(before, mirrored.seen).score
            self._ways.append((plain, mirrored) if like_first else (mirrored, plain))

    def propose(self, seen: Seen) -> Proposal:
        """The landmarks of an image of the same scale."""
        templates, match = self._best(seen, self._ways)
        back = self._way_back(templates, seen, match)
        confidence = match.likeness.clamp(0, 1) * torch.exp(-0.5 * (back / BACK).square())
        status = _usual(torch.stack([template.status for template in templates]))
        return Proposal(
            match.points,
            status,
            torch.where(status == int(Status.DEFINED), confidence, torch.nan),
            float((back <= BACK).double()[back.isfinite()].mean()),
            float(match.likeness.nanmean()),
        )

    def leave_one_out(self) -> LeftOut | None:
        """Errors with which each labelled image is found by the others; None if there is no other."""
        matched: list[torch.Tensor] = []
        placed: list[torch.Tensor] = []
        for left, view in enumerate(self._views):
            others = [n for n in range(len(self._views)) if n != left]
            if not others:
                return None
            own = self._ways[left][0]
            _, match = self._best(own.seen, [self._ways[n] for n in others])
            found = (match.points - own.points).norm(dim=1)[own.defined]
            place = mean_place([self._views[n].points for n in others], [self._views[n].defined for n in others])
            stayed = (place - view.points).norm(dim=1)[view.defined]
            matched.append(found[found.isfinite()])
            placed.append(stayed[stayed.isfinite()])
        errors, distances = torch.cat(matched), torch.cat(placed)
        return LeftOut(float(errors.mean()), float(distances.mean())) if len(errors) else None

    def _both_ways(self, view: LabelledView) -> tuple[Template, Template | None]:
        plain = Template(view.seen, view.points, view.status)
        if view.mirrored is None:
            return plain, None
        across = torch.tensor([view.seen.size_wh[0] - 1.0, 0.0]).double()
        points = (across - view.points * torch.tensor([1.0, -1.0]).double())[self._swap]
        return plain, Template(view.mirrored, points, view.status[self._swap])

    def _best(self, seen: Seen, ways: Sequence[tuple[Template, Template | None]]) -> tuple[list[Template], Match]:
        """The labelled images turned as the image is, and what they find in it."""
        plain = [way[0] for way in ways]
        match = find_match(plain, seen)
        mirrored = [way[1] for way in ways if way[1] is not None]
        if len(mirrored) == len(ways):
            other = find_match(mirrored, seen)
            if other.score > match.score:
                return mirrored, other
        return plain, match

    def _way_back(self, templates: Sequence[Template], seen: Seen, match: Match) -> torch.Tensor:
        """(K,) pixels by which what was found misses the labelled points when it is looked for there; NaN where none.

        The shape plays no part in it, so that it is evidence of its own. Of several labelled images the median counts.
        """
        found = match.points.isfinite().all(1)
        forward = Template(seen, match.points, torch.where(found, int(Status.DEFINED), int(Status.UNDEFINED)))
        misses = []
        for template in templates:
            places = best_places(deep_likeness([forward], template.seen), template.seen)
            both = template.defined & found
            misses.append(torch.where(both, (places - template.points).norm(dim=1), torch.nan))
        return torch.stack(misses).nanmedian(0).values


def _usual(status: torch.Tensor) -> torch.Tensor:
    """(K,) what most of (N, K) say of a landmark, a point where they are equally many."""
    defined = (status == int(Status.DEFINED)).sum(0)
    missing = (status == int(Status.MISSING)).sum(0)
    usual = torch.where(missing > defined, int(Status.MISSING), int(Status.DEFINED))
    return torch.where(missing + defined == 0, int(Status.UNDEFINED), usual).to(torch.int8)
