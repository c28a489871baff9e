"""Options of several commands that take one of a few words."""

from __future__ import annotations

from typing import cast

from monai_ext.inferers import Reduction
from monai_ext.landmarks import InputError
from monai_ext.landmarks.geometry import Unit


def unit_or_auto(unit: str) -> Unit | None:
    """The unit of ``--unit``; None for ``auto``.

    Raises:
        InputError: it is something else.
    """
    units: dict[str, Unit | None] = {"px": "px", "mm": "mm", "auto": None}
    if unit not in units:
        raise InputError(f"--unit is auto, mm or px, not {unit!r}.")
    return units[unit]


def reduction_of(name: str) -> Reduction:
    """The value of ``--reduce``.

    Raises:
        InputError: it is neither mean nor max.
    """
    if name not in ("mean", "max"):
        raise InputError(f"--reduce is mean or max, not {name!r}.")
    return cast(Reduction, name)
