"""Landmarks that lie the other way round than in other labels: one flag for one wrong point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monai_ext.landmarks import FloatArray, Landmarks

from .flag import Flag
from .orders import Orders

#: How b lies as seen from a, by axis: where b - a is negative and where it is positive.
_WORDS = (("left of", "right of"), ("above", "below"))


def order_flags(label: Landmarks, orders: Orders) -> list[Flag]:
    """A flag for each point that explains broken orders, the one that explains most first.

    A wrong point breaks its order with many others, each of which breaks only this one: points are taken out, greedily,
    until no broken order is left. A last broken order between two points is the fault of either, and names both.
    """
    return [_flag(label, orders, members, edges) for members, edges in _cover(orders.broken(label))]


def told_as(label: Landmarks, orders: Orders, axis: int, a: int, b: int) -> str:
    """A clause for a person: how a lies to b, and how it does in other labels."""
    moved = label.points[a, axis] - label.points[b, axis]
    distance = abs(moved) * label.frame.scale[axis]
    here, elsewhere = _WORDS[axis] if moved < 0 else _WORDS[axis][::-1]
    keep, count = int(orders.others[axis, a, b]), int(orders.count[a, b])
    number = f"all {count}" if keep == count else f"{keep} of {count}"
    return (
        f"{label.names[a]} lies {distance:.1f} {label.frame.unit} {here} {label.names[b]}, but {elsewhere} it in "
        f"{number} other labels"
    )


def _cover(broken: FloatArray) -> Iterator[tuple[list[int], FloatArray]]:
    """The points that explain all broken orders, each with the (2, K, K) orders that it explains."""
    left = broken.copy()
    while left.any():
        edges, sizes = (left > 0).sum((0, 2)), left.sum((0, 2))
        worst = max(range(len(edges)), key=lambda k: (edges[k], sizes[k]))  # the first of equals
        own = np.zeros_like(left)
        own[:, worst] = left[:, worst]
        partners = np.flatnonzero(own[:, worst].any(0)).tolist()
        only = len(partners) == 1 and (left[:, partners[0]] > 0).sum() == edges[worst]
        yield ([worst, partners[0]] if only else [worst]), own
        left[:, worst] = 0
        left[:, :, worst] = 0


def _flag(label: Landmarks, orders: Orders, members: list[int], edges: FloatArray) -> Flag:
    axis, a, b = (int(i) for i in np.unravel_index(int(edges.argmax()), edges.shape))
    more = len(np.flatnonzero(edges[:, a].any(0))) - 1
    likewise = f", and likewise to {more} more landmark{'s' if more > 1 else ''}" if more else ""
    sentence = f"{told_as(label, orders, axis, a, b)}{likewise}."
    return Flag("order", tuple(label.names[m] for m in members), sentence, float(edges[axis, a, b]))
