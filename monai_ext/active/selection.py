"""Choice of the images to label next: pure functions of scores and features, the same answer for the same input.

Symbols: N candidates, F features of an image, M images that are labelled already.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from monai_ext.landmarks import FloatArray, InputError

#: The candidates whose novelty the strategy ``hybrid`` weighs at most, so that its memory stays bounded.
DEMAND = 1000


@dataclass(frozen=True)
class Candidates:
    """The images that a strategy chooses among.

    Args:
        ids: N distinct IDs.
        scores: (N,) uncertainty of each image, the larger the less sure; for ``uncertainty`` and ``hybrid``.
        features: (N, F) of each image; for ``diversity`` and ``hybrid``.
        labelled: (M, F) features of the images that are labelled already; none by default.
        seed: of ``random``.

    Raises:
        InputError: IDs repeat, shapes do not fit, or a number is not finite.
    """

    ids: tuple[str, ...]
    scores: FloatArray | None = None
    features: FloatArray | None = None
    labelled: FloatArray | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if len(set(self.ids)) != len(self.ids):
            repeated = sorted({id for id in self.ids if self.ids.count(id) > 1})
            raise InputError(f"Each candidate needs its own ID; {repeated[0]!r} occurs more than once.")
        for name, number in (("scores", 1), ("features", 2), ("labelled", 2)):
            values = getattr(self, name)
            if values is None:
                continue
            array = np.asarray(values, dtype=np.float64)
            if array.ndim != number or (name != "labelled" and len(array) != len(self.ids)):
                raise InputError(f"The {name} of {len(self.ids)} candidates have a different shape: {array.shape}.")
            if not np.isfinite(array).all():
                raise InputError(f"The {name} of candidates must be finite numbers; some are not.")
            object.__setattr__(self, name, array)

    @property
    def order(self) -> list[int]:
        """Places of the candidates in the order of their IDs: the first of equals is the first in this order."""
        return sorted(range(len(self.ids)), key=self.ids.__getitem__)


def by_uncertainty(candidates: Candidates, count: int) -> list[str]:
    """The ``count`` images of the largest scores, largest first.

    Raises:
        InputError: there are no scores.
    """
    scores = _needed(candidates.scores, "scores", "uncertainty")
    ranked = sorted(candidates.order, key=lambda i: -scores[i])
    return [candidates.ids[i] for i in ranked[:count]]


def by_diversity(candidates: Candidates, count: int) -> list[str]:
    """Greedy k-center (Sener and Savarese, ICLR 2018): each next image is the farthest from all that are chosen.

    Distances are Euclidean, between features. Where nothing is labelled the first image is the one nearest to the mean.

    Raises:
        InputError: there are no features, or those of labelled images have another length.
    """
    ids, features, centres = _in_order(candidates, "diversity")
    distances = cdist(features, centres).min(1) if len(centres) else np.full(len(ids), np.inf)
    free = np.ones(len(ids), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(count, len(ids)):
        unknown = np.isinf(distances).any()
        value = -np.linalg.norm(features - features.mean(0), axis=1) if unknown else distances
        best = int(np.where(free, value, -np.inf).argmax())  # the first of equals, which is the first by ID
        chosen.append(best)
        free[best] = False
        distances = np.minimum(distances, np.linalg.norm(features - features[best], axis=1))
    return [ids[i] for i in chosen]


def by_both(candidates: Candidates, count: int) -> list[str]:
    """Uncertainty weighted by novelty: each next image is the one that brings most of the unsure pool near to a label.

    A candidate j is as novel as it is far from all that is labelled or chosen, d_j. Image i is worth what it takes from
    that, weighted by the score s_j: the sum over j of s_j max(0, d_j - |f_j - f_i|), which is facility location,
    maximised greedily (Nemhauser, Wolsey and Fisher, Mathematical Programming 1978). A dense part of the pool that the
    model is unsure of thus goes first, and an odd image, which stands for itself alone, late. Neither the scale of the
    scores nor that of the features matters. In a large pool the sum is over every n-th candidate by ID, at most
    :data:`DEMAND` of them.

    Raises:
        InputError: there are no scores or features, a score is negative, or features have different lengths.
    """
    scores = _needed(candidates.scores, "scores", "hybrid")
    if (scores < 0).any():
        raise InputError(f"Scores to be weighted must be 0 or more; the smallest is {scores.min():g}.")
    ids, features, centres = _in_order(candidates, "hybrid")
    weights = scores[candidates.order]
    demand = np.arange(0, len(ids), math.ceil(len(ids) / DEMAND) or 1)
    distances = cdist(features, features[demand])
    # where nothing is labelled all are equally novel
    novelty = (
        cdist(centres, features[demand]).min(0) if len(centres) else np.full(len(demand), distances.max(initial=0))
    )
    free = np.ones(len(ids), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(count, len(ids)):
        gains = np.maximum(novelty - distances, 0) @ weights[demand]
        if not (gains[free] > 0).any():  # nothing is novel any more, e.g. copies of labelled images
            gains = weights
        best = int(np.where(free, gains, -np.inf).argmax())  # the first of equals, which is the first by ID
        chosen.append(best)
        free[best] = False
        novelty = np.minimum(novelty, distances[best])
    return [ids[i] for i in chosen]


def by_chance(candidates: Candidates, count: int) -> list[str]:
    """Images by a hash of seed and ID: what is drawn does not depend on the order or number of the others."""
    ranked = sorted(candidates.ids, key=lambda id: hashlib.sha256(f"{candidates.seed}:{id}".encode()).digest())
    return ranked[:count]


#: The strategies by name.
STRATEGIES: Mapping[str, Callable[[Candidates, int], list[str]]] = {
    "random": by_chance,
    "uncertainty": by_uncertainty,
    "diversity": by_diversity,
    "hybrid": by_both,
}

#: What each strategy looks at.
USES_SCORES = frozenset({"uncertainty", "hybrid"})
USES_FEATURES = frozenset({"diversity", "hybrid"})


def select(strategy: str, candidates: Candidates, count: int) -> list[str]:
    """The IDs of the next ``count`` images by a strategy, best first; all of them where there are fewer.

    Raises:
        InputError: there is no such strategy, a negative count, or the candidates lack what it looks at.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"There is no strategy {strategy!r}: use one of {', '.join(STRATEGIES)}.")
    if count < 0:
        raise InputError(f"The number of images to choose is 0 or more, not {count}.")
    return STRATEGIES[strategy](candidates, count)


def _in_order(candidates: Candidates, strategy: str) -> tuple[list[str], FloatArray, FloatArray]:
    """IDs and (N, F) features in the order of the IDs, and the (M, F) features of what is labelled."""
    order = candidates.order
    features = _needed(candidates.features, "features", strategy)[order]
    centres = np.zeros((0, features.shape[1])) if candidates.labelled is None else candidates.labelled
    if centres.shape[1] != features.shape[1]:
        raise InputError(
            f"Features of labelled images have the length of the candidates', {features.shape[1]}, "
            f"not {centres.shape[1]}."
        )
    return [candidates.ids[i] for i in order], features, centres


def _needed(values: FloatArray | None, what: str, strategy: str) -> FloatArray:
    if values is None:
        raise InputError(f"The strategy {strategy} needs the {what} of the candidates, which were not given.")
    return values
