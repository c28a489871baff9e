"""The measures of uncertainty by name, and which of them a model can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from monai_ext.landmarks import InputError, Protocol
from monai_ext.models import RadiusUnit

from .disagreement import Disagreement, StageDistance
from .heatmap_measures import Entropy, MapRadius, PeakHeight, PeakRadius
from .measure import UncertaintyMeasure
from .observer import dropout_layers, views_of

#: What makes a measure, given the unit of lengths.
MEASURES: Mapping[str, Callable[[RadiusUnit], UncertaintyMeasure]] = {
    "peak": lambda unit: PeakHeight(),
    "entropy": lambda unit: Entropy(),
    "peak_radius": PeakRadius,
    "map_radius": MapRadius,
    "stages": StageDistance,
    "augmentation": lambda unit: Disagreement("augmentation", unit),
    "dropout": lambda unit: Disagreement("dropout", unit),
    "ensemble": lambda unit: Disagreement("ensemble", unit),
}


def why_not(name: str, protocol: Protocol, network: nn.Module, models: int = 1) -> str | None:
    """The lack of a model, or of several of a kind, for a measure, as the end of a sentence; None if it has it."""
    if name == "stages" and not protocol.network.has_stages:
        return "its network has one stage"
    if name == "augmentation" and len(views_of(protocol)) < 2:
        return "its recipe trains without flips, rotations and scales"
    if name == "dropout" and not dropout_layers(network):
        return "its network has no dropout layer"
    if name == "ensemble" and models < 2:
        return "there is one model"
    return None


def available_measures(protocol: Protocol, network: nn.Module, models: int = 1) -> tuple[str, ...]:
    """The names of the measures that a model can have, or several of a kind."""
    return tuple(name for name in MEASURES if why_not(name, protocol, network, models) is None)


def find_measure(
    name: str, protocol: Protocol, network: nn.Module, models: int = 1, unit: RadiusUnit = "px"
) -> UncertaintyMeasure:
    """The measure of a name.

    Args:
        name: one of :data:`MEASURES`.
        protocol: of the model.
        network: of the model.
        models: how many there are.
        unit: of lengths.

    Raises:
        InputError: there is no such measure, or the models cannot have it.
    """
    if name not in MEASURES:
        raise InputError(f"There is no measure of uncertainty {name!r}: use one of {', '.join(MEASURES)}.")
    reason = why_not(name, protocol, network, models)
    if reason is not None:
        can = ", ".join(available_measures(protocol, network, models))
        raise InputError(
            f"The model of {protocol.name} cannot have the measure {name!r}, as {reason}: use one of {can}."
        )
    return MEASURES[name](unit)
