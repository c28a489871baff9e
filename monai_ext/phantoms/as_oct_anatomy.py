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

REACH = 10.5  #: how far from the axis the outlines go
GRID = np.linspace(0.0, REACH, 421)


@dataclass(frozen=True, eq=False)
class Surface:
    """The front surface of cornea and sclera."""

    radius: float  #: of the cornea
    limbus: float  #: distance from the axis where the cornea passes into the sclera
    slope: float  #: of the sclera there
    thickness: float  #: of the central cornea

    @cached_property
    def profile(self) -> FloatArray:
        """(N,) depth of the surface on :data:`GRID`."""
        inner = np.minimum(GRID, 0.95 * self.radius)
        cornea = inner / np.sqrt(self.radius**2 - inner**2)
        sclera = self.slope + 0.045 * (GRID - self.limbus)
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
    recess: tuple[float, float]  #: (2,) from the spur to the bottom of the chamber angle
    bulge: float  #: how far the iris bows forward
    pupil: float  #: distance of the pupil's margin from the axis
    pupil_depth: float  #: its depth
    iris: float  #: largest thickness of the iris

    def spur_point(self, surface: Surface) -> FloatArray:
        """(2,) the tip of the scleral spur."""
        return np.array([self.spur, surface.depth(self.spur) + self.wall + self.tip])

    def thickness(self, surface: Surface, x: Any) -> Any:
        """Thickness of cornea and sclera along y; a cusp at the spur."""
        cornea = surface.thickness + (self.wall - surface.thickness) * (x / self.spur) ** 3
        sclera = self.wall * (0.75 + 0.25 * np.exp(np.minimum(self.spur - x, 0) / 0.35))
        return np.where(x < self.spur, cornea, sclera) + self.tip * np.exp(-np.abs(x - self.spur) / 0.13)

    def inner_depth(self, surface: Surface, x: Any) -> Any:
        """Depth of the inner face of cornea and sclera."""
        return surface.depth(x) + self.thickness(surface, x)

    def shell(self, surface: Surface) -> FloatArray:
        """(N, 2) outline of this half of cornea and sclera."""
        before, after = np.linspace(0.0, self.spur, 90), np.linspace(self.spur, REACH, 90)[1:]
        x = np.concatenate([before, after])
        inner = np.stack([x, self.inner_depth(surface, x)], axis=1)
        outer = np.stack([GRID, surface.profile], axis=1)[::-6]
        return np.concatenate([inner, outer])

    def ciliary_body(self, surface: Surface) -> FloatArray:
        """(N, 2) outline of the ciliary body; its corner at the spur is the landmark too."""
        spur = self.spur_point(surface)
        recess = spur + self.recess
        x = np.linspace(REACH, self.spur, 60)
        wall = np.stack([x, self.inner_depth(surface, x)], axis=1)
        back = recess + np.array([[-0.25, 0.3], [-0.15, 0.75], [0.5, 1.1], [1.4, 1.35]])
        body = smooth_curve(np.concatenate([recess[None], back, [wall[8] + [0.0, 0.35]]]), 40)
        return np.concatenate([wall, body])

    def iris_front(self, surface: Surface) -> FloatArray:
        """(60, 2) front of the iris from the angle recess to the pupil; never through the cornea."""
        recess = self.spur_point(surface) + self.recess
        pupil = np.array([self.pupil, self.pupil_depth])
        t = np.linspace(0.0, 1.0, 60)
        line = recess + t[:, None] * (pupil - recess)
        line[:, 1] -= self.bulge * 4 * t * (1 - t) + 0.03 * np.sin(t * 21.0) * t * (1 - t) * 4
        line[:, 1] = np.maximum(line[:, 1], self.inner_depth(surface, line[:, 0]) + 0.03)
        return line

    def iris_outline(self, surface: Surface) -> FloatArray:
        """(N, 2) outline of the iris."""
        front = self.iris_front(surface)
        t = np.linspace(0.0, 1.0, len(front))
        thickness = self.iris * (0.55 + 0.45 * np.sin(np.pi * np.minimum(t * 1.25, 1.0) * 0.75 + 0.2))
        thickness *= np.sqrt(np.clip((1 - t) / 0.08, 0.0, 1.0)) * 0.9 + 0.1
        back = front + np.stack([np.zeros_like(t), thickness], axis=1)
        return np.concatenate([front, back[::-1]])
