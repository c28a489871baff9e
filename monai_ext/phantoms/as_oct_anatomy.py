"""The anterior eye segment in cross-section: outlines of cornea, sclera, ciliary body, iris and lens.

Lengths are in millimetres. The origin is the front apex of the cornea, x points away from the axis (each side has
its own outlines, drawn to its own side), y into the eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from monai_ext.landmarks import FloatArray

from .raster import smooth_curve, smooth_step

REACH = 18.0  #: how far from the axis the outlines go
GRID = np.linspace(0.0, REACH, 721)
#: Points of the front of the iris.
IRIS_POINTS = 240
#: Least distance of the iris from the wall: they touch where the chamber angle is closed.
CONTACT = 0.012


@dataclass(frozen=True, eq=False)
class Surface:
    """The front surface of cornea and sclera."""

    radius: float  #: of the cornea at its apex
    flattening: float  #: of the cornea away from it: 0 is a circle, 1 a parabola
    limbus: float  #: distance from the axis where the cornea passes into the sclera
    slope: float  #: of the sclera there
    thickness: float  #: of the central cornea

    @cached_property
    def profile(self) -> FloatArray:
        """(N,) depth of the surface on :data:`GRID`."""
        inner = np.minimum(GRID, 0.93 * self.radius)
        cornea = inner / np.sqrt(self.radius**2 - (1 - self.flattening) * inner**2)
        sclera = self.slope + 0.045 * np.minimum(GRID - self.limbus, 4.0)
        share = smooth_step(GRID, self.limbus - 0.7, self.limbus + 0.6)
        slope = cornea * (1 - share) + sclera * share
        step = GRID[1] - GRID[0]
        return np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * step)])

    def depth(self, x: Any) -> Any:
        """Depth of the surface at a distance from the axis."""
        return np.interp(x, GRID, self.profile)


@dataclass(frozen=True, eq=False)
class Side:
    """One half of the eye."""

    spur: float  #: distance of the scleral spur from the axis
    wall: float  #: thickness of the wall at the spur, along y, without the spur's own tip
    tip: float  #: height of the spur
    beyond: float  #: thickness of the wall behind the spur as a share of that
    recess: tuple[float, float]  #: (2,) from the spur to the bottom of the chamber angle
    bulge: float  #: how far the iris bows forward; negative where it is concave
    roll: float  #: height of the last roll of the iris before the angle, which narrows it
    pupil: float  #: distance of the pupil's margin from the axis
    pupil_depth: float  #: its depth
    iris: float  #: largest thickness of the iris
    taper: float  #: thickness of its root as a share of that
    relief: FloatArray  #: (N,) height of the front of the iris at even steps from its root to the pupil

    def spur_point(self, surface: Surface) -> FloatArray:
        """(2,) the tip of the scleral spur."""
        return np.array([self.spur, surface.depth(self.spur) + self.wall + self.tip])

    def thickness(self, surface: Surface, x: Any) -> Any:
        """Thickness of cornea and sclera along y; a cusp at the spur."""
        cornea = surface.thickness + (self.wall - surface.thickness) * (x / self.spur) ** 3
        sclera = self.wall * (self.beyond + (1 - self.beyond) * np.exp(np.minimum(self.spur - x, 0) / 0.35))
        return np.where(x < self.spur, cornea, sclera) + self.tip * np.exp(-np.abs(x - self.spur) / 0.13)

    def inner_depth(self, surface: Surface, x: Any) -> Any:
        """Depth of the inner face of cornea and sclera."""
        return surface.depth(x) + self.thickness(surface, x)

    def shell(self, surface: Surface) -> FloatArray:
        """(N, 2) outline of this half of cornea and sclera."""
        before, after = np.linspace(0.0, self.spur, 160), np.linspace(self.spur, REACH, 180)[1:]
        x = np.concatenate([before, after])
        inner = np.stack([x, self.inner_depth(surface, x)], axis=1)
        outer = np.stack([GRID, surface.profile], axis=1)[::-2]
        return np.concatenate([inner, outer])

    def ciliary_body(self, surface: Surface) -> FloatArray:
        """(N, 2) outline of the ciliary body; its corner at the spur is the landmark too."""
        spur = self.spur_point(surface)
        recess = spur + self.recess
        x = np.linspace(REACH, self.spur, 120)
        wall = np.stack([x, self.inner_depth(surface, x)], axis=1)
        back = recess + np.array([[-0.05, 0.35], [0.1, 1.2], [0.8, 2.2], [2.0, 2.8]])
        body = smooth_curve(np.concatenate([recess[None], back, [wall[0] + [0.0, 2.5]]]), 40)
        return np.concatenate([wall, body])

    def iris_front(self, surface: Surface) -> FloatArray:
        """(N, 2) front of the iris from the angle recess to the pupil; never through the cornea."""
        line = self._iris_line(surface)
        line[:, 1] = np.maximum(line[:, 1], self.inner_depth(surface, line[:, 0]) + CONTACT)
        return line

    def iris_back(self, surface: Surface) -> FloatArray:
        """(N, 2) back of the iris, point by point behind its front."""
        front = self.iris_front(surface)
        t = np.linspace(0.0, 1.0, len(front))
        thickness = self.iris * (self.taper + (1 - self.taper) * np.sin(np.pi * np.minimum(t * 1.1, 1.0) * 0.72) ** 1.5)
        thickness *= np.sqrt(1 - np.clip((t - 0.9) / 0.1, 0.0, 1.0) ** 2)
        relief = np.interp(t, np.linspace(0, 1, len(self.relief)), self.relief)
        return front + np.stack([np.zeros_like(t), np.maximum(thickness + 0.8 * relief, 0.02)], axis=1)

    def contact(self, surface: Surface) -> float:
        """Length in mm, along x, in which the iris lies on the wall before the spur; above 0.1 the angle is closed."""
        line = self._iris_line(surface)
        touching = line[:, 1] <= self.inner_depth(surface, line[:, 0]) + CONTACT
        touching &= line[:, 0] < self.spur
        return float(self.spur - line[touching, 0].min()) if touching.any() else 0.0

    def _iris_line(self, surface: Surface) -> FloatArray:
        """(N, 2) front of the iris as if there were no wall."""
        recess = self.spur_point(surface) + self.recess
        pupil = np.array([self.pupil, self.pupil_depth])
        t = np.linspace(0.0, 1.0, IRIS_POINTS)
        line = recess + t[:, None] * (pupil - recess)
        line[:, 1] -= self.bulge * 4 * t * (1 - t) + self.roll * np.exp(-(((t - 0.2) / 0.17) ** 2)) * smooth_step(
            t, -0.06, 0.12
        )
        relief = np.interp(t, np.linspace(0, 1, len(self.relief)), self.relief)
        line[:, 1] -= relief * smooth_step(t, 0.0, 0.12)
        # The margin of the pupil is round.
        line[:, 1] += 0.35 * self.iris * np.clip((t - 0.9) / 0.1, 0.0, 1.0) ** 2.5
        return line
