"""Whether a label is plausible, as far as a model and the other labels can tell."""

from __future__ import annotations

import numpy as np

from monai_ext.landmarks import FloatArray, InputError, Landmarks, Protocol, Status

from .flag import Flag
from .order_rule import order_flags
from .orders import Orders
from .swap_rule import exchanged, swap_flags

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
    """What is worth a second look in a label, the clearest first.

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
        raise InputError(f"The factor on the radii is a positive number, not {factor}.")
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
