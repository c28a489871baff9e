"""Left and right partners that look exchanged."""

from __future__ import annotations

import numpy as np

from monai_ext.landmarks import Landmarks, Protocol

from .flag import Flag
from .order_rule import told_as
from .orders import Orders

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
        return by_order  # the model does not tell them apart, or other labels say who is right
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
