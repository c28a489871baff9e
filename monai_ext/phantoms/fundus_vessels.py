"""The retinal vessel tree: four arcades of arteries and veins that leave the disc and spare the fovea.

Lengths are in disc diameters, the origin is the disc centre, x points to the temporal side (the fovea), y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monai_ext.landmarks import FloatArray

from .raster import smooth_curve

#: Control points of the upper arcades; the lower ones mirror them. The temporal arcade arches around the macula.
TEMPORAL = np.array([[-0.05, 0.05], [-0.02, -0.62], [0.5, -1.5], [1.5, -2.15], [3.0, -2.3], [4.4, -1.9], [5.8, -1.1]])
NASAL = np.array([[-0.05, 0.03], [-0.35, -0.55], [-1.1, -1.15], [-2.3, -1.7], [-3.6, -2.3], [-5.0, -2.8]])
#: A small vessel that leaves the disc straight for the macula.
CILIARY = np.array([[0.1, 0.0], [0.55, -0.2], [1.1, -0.45], [1.7, -0.5], [2.2, -0.3]])

AVASCULAR = 0.32  #: radius around the fovea without vessels
STEP = 0.06  #: length of a growth step
VEIN_RADIUS, ARTERY_RADIUS = 0.05, 0.037  #: at the disc
THINNEST = 0.007  #: radius below which nothing branches


@dataclass(frozen=True, eq=False)
class Vessel:
    """A centre line (N, 2), its radii (N,), and whether it is a vein."""

    points: FloatArray
    radii: FloatArray
    vein: bool


def grow_vessels(rng: np.random.Generator, fovea: FloatArray) -> tuple[Vessel, ...]:
    """Grows a random tree.

    Args:
        rng: source of randomness.
        fovea: (2,) in disc diameters; the temporal arcades bend around it.

    Returns:
        Trunks first, each followed by its branches.
    """
    vessels: list[Vessel] = []
    for vein in (True, False):
        for upper in (True, False):
            for template, strength in ((TEMPORAL, 1.0), (NASAL, 0.75)):
                _grow(rng, _trunk(rng, template, upper, vein, strength, fovea), fovea, 2, vessels)
    for _ in range(rng.integers(1, 4)):
        trunk = _trunk(rng, CILIARY, bool(rng.random() < 0.5), bool(rng.random() < 0.5), 0.35, fovea)
        _grow(rng, trunk, fovea, 1, vessels)
    return tuple(vessels)


def _trunk(
    rng: np.random.Generator, template: FloatArray, upper: bool, vein: bool, strength: float, fovea: FloatArray
) -> Vessel:
    control = template.copy()
    control[1:] += rng.normal(0, 0.05, control[1:].shape) + np.array([0.0, -0.1 if vein else 0.06])
    control[3:] += rng.normal(0, 0.16, control[3:].shape)
    control[:, 1] *= 1.0 if upper else -1.0
    # The arcades keep their distance from the fovea, wherever it lies.
    reach = np.clip(control[:, 0] / 2.7, 0.0, None)
    control[:, 1] += np.minimum(reach, 1.0) * fovea[1]
    control[:, 0] *= np.where(control[:, 0] > 0, fovea[0] / 2.7, 1.0)
    points = smooth_curve(control, 90)
    points += _wiggle(rng, points)
    radius = (VEIN_RADIUS if vein else ARTERY_RADIUS) * strength * rng.uniform(0.85, 1.15)
    return _clipped(Vessel(points, radius * np.linspace(1.0, 0.4, len(points)), vein), fovea)


def _wiggle(rng: np.random.Generator, points: FloatArray) -> FloatArray:
    """(N, 2) gentle tortuosity across a line, zero at its start."""
    along = np.linspace(0.0, 1.0, len(points))
    length = np.hypot(*np.diff(points, axis=0).T).sum()
    sideways = np.zeros(len(points))
    for wave in rng.uniform(0.5, 5.0, 3):  # wavelengths; the amplitude grows with them
        sideways += rng.normal(0, 0.018) * wave * np.sin(2 * np.pi * (along * length / wave + rng.random()))
    tangent = np.gradient(points, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) / np.hypot(*tangent.T)[:, None]
    return normal * (sideways * np.minimum(1.0, along * 6))[:, None]


def _clipped(vessel: Vessel, fovea: FloatArray) -> Vessel:
    """The vessel up to where it would enter the avascular zone."""
    inside = np.hypot(*(vessel.points - fovea).T) < AVASCULAR
    end = int(np.argmax(inside)) if inside.any() else len(inside)
    return Vessel(vessel.points[:end], vessel.radii[:end], vessel.vein)


def _grow(rng: np.random.Generator, parent: Vessel, fovea: FloatArray, depth: int, vessels: list[Vessel]) -> None:
    """Adds a vessel and, on alternating sides, its branches."""
    vessels.append(parent)
    count = len(parent.points)
    if depth == 0 or count < 8 or parent.radii[0] < THINNEST:
        return
    number = int(rng.integers(6, 10)) if depth == 2 else int(rng.integers(1, 5))
    starts = np.sort(rng.uniform(0.1, 0.95, number) * count).astype(int)
    side = 1 if rng.random() < 0.5 else -1
    for start in starts:
        if np.hypot(*parent.points[start]) < 0.6 and depth == 2:
            continue
        side = -side if rng.random() < 0.8 else side
        _grow(rng, _branch(rng, parent, int(start), side, fovea, depth), fovea, depth - 1, vessels)


def _branch(rng: np.random.Generator, parent: Vessel, start: int, side: int, fovea: FloatArray, depth: int) -> Vessel:
    origin = parent.points[start]
    ahead = parent.points[min(start + 1, len(parent.points) - 1)] - parent.points[max(start - 1, 0)]
    heading = np.arctan2(ahead[1], ahead[0]) + side * rng.uniform(0.45, 1.0)
    steps = int(rng.integers(16, 46)) if depth == 2 else int(rng.integers(8, 26))
    ramp = np.arange(steps + 1) / steps
    turn = np.cumsum(rng.normal(0, 0.11, steps)) + ramp[1:] * rng.normal(-0.4 * side, 0.3)
    # Branches that leave for the macula bend towards the fovea, as the fine vessels there do.
    towards = np.arctan2(*(fovea - origin)[::-1])
    difference = np.angle(np.exp(1j * (towards - heading)))
    if abs(difference) < 1.1 and 0.2 < origin[0] < fovea[0] + 2.0:
        turn = turn * 0.6 + ramp[1:] * difference
    direction: NDArray[np.float64] = heading + turn
    path = np.empty((steps + 1, 2))
    path[0] = origin
    path[1:, 0] = origin[0] + np.cumsum(STEP * np.cos(direction))
    path[1:, 1] = origin[1] + np.cumsum(STEP * np.sin(direction))
    radius = parent.radii[start] * rng.uniform(0.38, 0.68)
    radii = np.maximum(radius * (1.0 - 0.65 * ramp), 0.0045)
    return _clipped(Vessel(path, radii, parent.vein), fovea)
