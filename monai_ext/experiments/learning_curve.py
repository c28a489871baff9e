"""Error against number of labels, for each strategy, over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai_ext.evaluation import with_spread
from monai_ext.landmarks import InputError, Unit

from .rounds import INITIAL

#: The strategy that the others are compared with.
REFERENCE = "random"


@dataclass(frozen=True)
class CurvePoint:
    """The error at one number of labels.

    Attributes:
        labels: how many.
        errors: by seed.
    """

    labels: int
    errors: Mapping[int, float]

    @property
    def mean(self) -> float:
        """Over seeds."""
        return statistics.fmean(self.errors.values())

    @property
    def sd(self) -> float:
        """Sample standard deviation over seeds; 0 of one seed."""
        return statistics.stdev(self.errors.values()) if len(self.errors) > 1 else 0.0

    @property
    def text(self) -> str:
        """Mean ± standard deviation, without the latter of one seed."""
        return with_spread(self.mean, self.sd if len(self.errors) > 1 else math.nan, 2)


@dataclass(frozen=True)
class LearningCurve:
    """The errors of one strategy by rising number of labels.

    Attributes:
        strategy: name.
        unit: of the errors.
        points: those numbers of labels that at least one seed reached.
    """

    strategy: str
    unit: Unit
    points: tuple[CurvePoint, ...]

    def labels_for(self, error: float) -> float | None:
        """The first number of labels that brings the mean error down to this, between rounds on a straight line.

        None if none of them does.
        """
        before: CurvePoint | None = None
        for point in self.points:
            if point.mean <= error:
                if before is None or point.mean == before.mean:
                    return float(point.labels)
                share = (before.mean - error) / (before.mean - point.mean)
                return before.labels + share * (point.labels - before.labels)
            before = point
        return None

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON."""
        points = [
            {"labels": p.labels, "mean": p.mean, "sd": p.sd, "seeds": {str(s): e for s, e in p.errors.items()}}
            for p in self.points
        ]
        return {"strategy": self.strategy, "unit": self.unit, "points": points}


def learning_curves(documents: Sequence[Mapping[str, Any]], strategies: Sequence[str]) -> list[LearningCurve]:
    """The curves of strategies, each beginning with the first labels that all share.

    A number of labels counts the seeds that have finished it.

    Args:
        documents: of finished cells: ``strategy``, ``labels``, ``seed``, ``error``, ``unit``.
        strategies: in the order wanted; those without a finished cell are left out.

    Raises:
        InputError: some errors are in mm and some in px.
    """
    if len({document["unit"] for document in documents}) > 1:
        raise InputError("The errors of some cells are in mm and of others in px, so that no curve can be drawn.")
    curves = []
    for strategy in strategies:
        found: dict[int, dict[int, float]] = {}
        own = [d for d in documents if d["strategy"] in (INITIAL, strategy)]
        for document in own:
            found.setdefault(document["labels"], {})[document["seed"]] = document["error"]
        points = tuple(CurvePoint(labels, dict(sorted(found[labels].items()))) for labels in sorted(found))
        if points:
            curves.append(LearningCurve(strategy, own[0]["unit"], points))
    return curves


def reference_error(curves: Sequence[LearningCurve]) -> float | None:
    """The mean error that labels drawn by chance reach with all that were given; None if none were."""
    return next((curve.points[-1].mean for curve in curves if curve.strategy == REFERENCE), None)
