"""Pairs of landmarks of which one lies left of or above the other in nearly all labels.

For two landmarks a and b, an axis and N labels, D = b - a in shares of the image's width or height. Their order is
judged where its direction is clear, |median D| >= CLEAR robust standard deviations of D (1.4826 times the median
absolute deviation), and where at most m of the n labels beside the one in question break it, with
(m + 1) / (n + 1) <= RARE: were that label like the others, it would break the order with at most this probability.
So 19 other labels are needed, all of which must keep the order; of 99 others, four may break it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monai_ext.landmarks import FloatArray, InputError, Landmarks

#: How rarely other labels may break an order that is judged.
RARE = 0.05
#: Robust standard deviations between two landmarks whose order is clear.
CLEAR = 5.0
#: Labels that it takes to judge one of them by the others.
FEWEST_LABELS = 20
#: Makes the median absolute deviation a standard deviation, where errors are normal.
_NORMAL = 1.4826

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Orders:
    """Order of K landmarks in N labels; axis 0 is x, axis 1 is y.

    Attributes:
        names: K names.
        median: (2, K, K) of D = b - a for landmarks a (rows) and b (columns); NaN where no label has both.
        spread: (2, K, K) robust standard deviation of D.
        count: (K, K) labels that have both.
        rising: (2, K, K) labels with D > 0.
    """

    names: tuple[str, ...]
    median: FloatArray
    spread: FloatArray
    count: IntArray
    rising: IntArray

    @classmethod
    def fit(cls, labels: Sequence[Landmarks], names: Sequence[str]) -> Orders:
        """The orders in labels of different images.

        Raises:
            InputError: a label has other landmarks.
        """
        names, k = tuple(names), len(names)
        table = np.array([shares(label, names) for label in labels]).reshape(-1, k, 2)
        return cls.of_table(table, names)

    @classmethod
    def of_table(cls, table: FloatArray, names: Sequence[str]) -> Orders:
        """The same from the (N, K, 2) places of the landmarks as :func:`shares` gives them."""
        apart = _apart(table)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a median of nothing
            median = np.nanmedian(apart, axis=0) if len(apart) else np.full(apart.shape[1:], np.nan)
            spread = np.nanmedian(np.abs(apart - median), axis=0) * _NORMAL if len(apart) else median
        count = (~np.isnan(apart[:, 0])).sum(0)
        return cls(tuple(names), median, spread, count, (apart > 0).sum(0))

    def without(self, label: Landmarks) -> Orders:
        """The same without one of the labels; medians and spreads stay, which one of 20 labels hardly moves."""
        return self.without_place(shares(label, self.names))

    def without_place(self, place: FloatArray) -> Orders:
        """The same without the label whose (K, 2) places are as :func:`shares` gives them."""
        apart = _apart(place[None])[0]
        known = (~np.isnan(apart[0])).astype(np.int64)
        return replace(self, count=self.count - known, rising=self.rising - (apart > 0))

    @property
    def others(self) -> IntArray:
        """(2, K, K) labels that keep the direction of the median."""
        return np.where(self.median > 0, self.rising, self.rising.swapaxes(1, 2))

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(2, K, K) which orders hold clearly enough to be expected of a label."""
        breaking = self.count - self.others
        clear = (np.abs(self.median) >= CLEAR * self.spread) & (self.median != 0)
        return clear & (breaking + 1 <= RARE * (self.count + 1) * (1 + 1e-12))

    def broken(self, label: Landmarks) -> FloatArray:
        """(2, K, K) how far a label breaks each order that is judged: |D - median| / |median|; 0 where it does not.

        1 is two landmarks on a level, 2 a mirrored pair. The label is not among those that the orders are from.
        """
        apart = _apart(shares(label, self.names)[None])[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.abs(apart - self.median) / np.abs(self.median)
            wrong = self.judged & (apart * self.median < 0)
        return np.where(wrong, size, 0.0)


def shares(label: Landmarks, names: Sequence[str]) -> FloatArray:
    """(K, 2) points in shares of the image's width and height, in the order of names; NaN where there is none.

    Raises:
        InputError: the label has a name that ``names`` lacks.
    """
    if label.names != tuple(names):
        label = label.reordered(names)
    return np.where(label.defined[:, None], label.points, np.nan) / np.array(label.frame.size, dtype=np.float64)


def _apart(table: FloatArray) -> FloatArray:
    """(N, K, 2) places to (N, 2, K, K) differences b - a."""
    if table.ndim != 3 or table.shape[2] != 2:
        raise InputError(f"Places of K landmarks in N labels have the shape (N, K, 2), not {table.shape}.")
    axes = np.moveaxis(table, 2, 1)
    return axes[:, :, None, :] - axes[:, :, :, None]
