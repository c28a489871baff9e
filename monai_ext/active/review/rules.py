"""Labels that look implausible: far from the model's point, out of order, or left and right exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from monai_ext.landmarks import FloatArray, InputError, Landmarks, Protocol, Status

from .orders import Orders

#: ``far``: farther from the model's point than its radius explains. ``swapped``: two partners are exchanged.
#: ``order``: two landmarks lie the other way round than in other labels. ``missing``: the model is sure of the opposite
#: of what the label says of a landmark's presence.
Kind = Literal["swapped", "far", "order", "missing"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Flag:
    """One reason to look at a label again; it says nothing of who is right.

    Attributes:
        kind: the rule that was broken.
        landmarks: which ones it is about.
        sentence: for a person: what, how far, in which unit.
        size: how clear it is, without a unit; 1 is just worth telling.
    """

    kind: Kind
    landmarks: tuple[str, ...]
    sentence: str
    size: float

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON."""
        return {
            "kind": self.kind,
            "landmarks": list(self.landmarks),
            "sentence": self.sentence,
            "size": round(self.size, 4),
        }


def severity(flags: list[Flag]) -> float:
    """Size of a label's clearest flag; 0 without flags."""
    return max((flag.size for flag in flags), default=0.0)


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


#: So many times nearer to the model's points must two partners lie when they are exchanged.
NEARER = 3.0


def swap_flags(label: Landmarks, predicted: Landmarks | None, protocol: Protocol, orders: Orders | None) -> list[Flag]:
    """A flag for each pair of partners that look exchanged.

    Args:
        label: all names of the protocol in its order.
        predicted: likewise, or None.
        protocol: names the partners.
        orders: of other labels, or None.
    """
    pairs = [(a, b) for a, b in enumerate(protocol.swap) if a < b]
    flags = [_pair_flag(label, predicted, orders, a, b) for a, b in pairs if label.defined[[a, b]].all()]
    return [flag for flag in flags if flag is not None]


def exchanged(label: Landmarks, flags: list[Flag]) -> Landmarks:
    """The label with the points of all flagged pairs exchanged."""
    rows = np.arange(len(label))
    for flag in flags:
        pair = [label.index(name) for name in flag.landmarks]
        rows[pair] = pair[::-1]
    return Landmarks(label.names, label.points[rows], label.frame, label.status[rows], label.confidence[rows])


def _pair_flag(label: Landmarks, predicted: Landmarks | None, orders: Orders | None, a: int, b: int) -> Flag | None:
    by_order = None if orders is None else _by_order(label, orders, a, b)
    if predicted is None or not predicted.defined[[a, b]].all():
        return by_order
    own = label.frame.distance(label.points[[a, b]], predicted.points[[a, b]])
    other = label.frame.distance(label.points[[a, b]], predicted.points[[b, a]])
    apart = float(label.frame.distance(predicted.points[a], predicted.points[b]))
    if own.sum() < other.sum():
        return None
    if own.sum() < NEARER * other.sum() or apart == 0 or (orders is not None and orders.judged[0, a, b]):
        return by_order  # the model does not distinguish them, or other labels decide
    unit, names = label.frame.unit, (label.names[a], label.names[b])
    sentence = (
        f"{names[0]} and {names[1]} look exchanged: they lie {own[0]:.1f} {unit} and {own[1]:.1f} {unit} from where "
        f"the model found them, and exchanged {other[1]:.1f} {unit} and {other[0]:.1f} {unit}."
    )
    return Flag("swapped", names, sentence, float(own.sum()) / apart)


def _by_order(label: Landmarks, orders: Orders, a: int, b: int) -> Flag | None:
    """A flag where the two break their order along x, and exchanged would break no order along x."""
    size = float(orders.broken(label)[0, a, b])
    if not size:
        return None
    names = (label.names[a], label.names[b])
    turned = exchanged(label, [Flag("swapped", names, "", 0.0)])
    if orders.broken(turned)[0, [a, b]].any():
        return None
    return Flag("swapped", names, f"{told_as(label, orders, 0, a, b)}: the two look exchanged.", size)


#: So many times its radius may a label lie from the model's point.
FACTOR = 2.0
#: Confidence from which on a model's word on the presence of a landmark is set against a person's.
SURE = 0.9


def implausible(
    label: Landmarks,
    predicted: Landmarks | None,
    radius: FloatArray | None,
    protocol: Protocol,
    order: Orders | None,
    *,
    factor: float = FACTOR,
) -> list[Flag]:
    """Finds everything in a label that is worth a second look, the clearest first.

    A model that has learned from a label agrees with it more than with a new one: on training images only gross errors
    stand out.

    Args:
        label: a person's; names that it lacks count as not annotated.
        predicted: what a model finds in the same image, or None.
        radius: (K,) in the unit of the label's frame, in the protocol's order: the radii that the model is calibrated
            to; NaN, or None for all, where it is not. A distance is judged only where there is one.
        protocol: the landmark task.
        order: of other labels than this one, or None; see :meth:`Orders.without`.
        factor: how many radii a label may lie from the model's point.

    Raises:
        InputError: a name that the protocol lacks, a radius that is not (K,), a factor that is not positive.
    """
    if not factor > 0:
        raise InputError(f"The factor of the radii must be a positive number, not {factor}.")
    names = protocol.landmark_names
    label = label.reordered(names)
    flags = []
    if predicted is not None:
        predicted = predicted.reordered(names)
        flags += _presence_flags(label, predicted)
    swaps = swap_flags(label, predicted, protocol, order)
    label = exchanged(label, swaps)  # what an exchange explains needs no flags of its own
    if predicted is not None and radius is not None:
        flags += _far_flags(label, predicted, np.asarray(radius, dtype=np.float64), factor)
    if order is not None:
        flags += order_flags(label, order)
    return sorted([*swaps, *flags], key=lambda flag: -flag.size)


def not_judged(names: tuple[str, ...], radius: FloatArray | None) -> tuple[str, ...]:
    """The landmarks whose distance from the model's point cannot be judged: it is not calibrated for them."""
    if radius is None:
        return names
    return tuple(name for name, r in zip(names, np.asarray(radius).tolist(), strict=True) if not np.isfinite(r))


def _far_flags(label: Landmarks, predicted: Landmarks, radius: FloatArray, factor: float) -> list[Flag]:
    if radius.shape != (len(label),):
        raise InputError(f"{len(label)} landmarks need as many radii, not an array of shape {radius.shape}.")
    both = label.defined & predicted.defined & np.isfinite(radius)
    distance = np.full(len(label), np.nan)
    distance[both] = label.frame.distance(label.points[both], predicted.points[both])
    limit = factor * radius
    unit = label.frame.unit
    return [
        Flag(
            "far",
            (label.names[k],),
            f"{label.names[k]} lies {distance[k]:.1f} {unit} from the model's point, more than {factor:g} times the "
            f"{radius[k]:.1f} {unit} that the model is usually off at most.",
            float(distance[k] / limit[k]) if limit[k] > 0 else float(distance[k]),
        )
        for k in np.flatnonzero(both & (np.nan_to_num(distance) > limit)).tolist()
    ]


def _presence_flags(label: Landmarks, predicted: Landmarks) -> list[Flag]:
    sure = np.nan_to_num(predicted.confidence) >= SURE
    opposite = {
        "is marked missing, but the model is sure that it is there": (label.status == Status.MISSING)
        & (predicted.status == Status.DEFINED),
        "has a point, but the model is sure that it is missing": (label.status == Status.DEFINED)
        & (predicted.status == Status.MISSING),
    }
    return [
        Flag(
            "missing",
            (label.names[k],),
            f"{label.names[k]} {words} (confidence {predicted.confidence[k]:.2f}).",
            float(predicted.confidence[k]) / SURE,
        )
        for words, where in opposite.items()
        for k in np.flatnonzero(where & sure).tolist()
    ]
