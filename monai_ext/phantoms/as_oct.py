"""Synthetic anterior-segment OCT sections with the two scleral spurs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from monai_ext.landmarks import FloatArray, rotation_matrix

from .as_oct_anatomy import Side, Surface
from .phantom import Phantom, to_uint8
from .random_fields import cloud_field, speckle, white_noise
from .raster import Float32, polygon_coverage

NAMES = ("left_scleral_spur", "right_scleral_spur")

#: Back-scattered intensity of the tissues before attenuation.
SCLERA, CORNEA, CILIARY, IRIS, LENS = 0.85, 0.42, 0.24, 0.75, 0.06


@dataclass(frozen=True, eq=False)
class AsOctPlan:
    """Everything that one section shows."""

    width: int  #: columns
    height: int  #: rows
    apex: tuple[float, float]  #: pixel (x, y) of the front apex of the cornea
    pixels_per_mm: float  #: scale
    degrees: float  #: rotation of the eye, clockwise on the screen
    surface: Surface  #: front of cornea and sclera
    left: Side  #: the half at the image's left
    right: Side  #: the half at the image's right
    lens: tuple[float, float]  #: depth of the front of the lens in mm, and its radius
    flare: float  #: strength of the reflex line through the apex
    shadows: FloatArray  #: (N, 3) column position 0 to 1, width in mm, strength of vertical shadows
    gain: float  #: of the intensities
    gamma: float  #: of the intensities
    looks: float  #: number of averaged speckle patterns; infinite for none
    background: float  #: mean intensity of the noise floor
    seed: int  #: of the textures and the noise

    def mirrored(self) -> AsOctPlan:
        """The same eye in a mirror; speckle and noise are not mirrored."""
        shadows = self.shadows.copy()
        shadows[:, 0] = 1 - shadows[:, 0]
        return replace(
            self,
            apex=(self.width - 1.0 - self.apex[0], self.apex[1]),
            degrees=-self.degrees,
            left=self.right,
            right=self.left,
            shadows=shadows,
        )

    def plain(self) -> AsOctPlan:
        """The same geometry without speckle, noise, reflex and shadows."""
        return replace(self, flare=0.0, shadows=np.zeros((0, 3)), looks=np.inf, background=0.0, gain=1.0, gamma=1.0)

    def linear(self, sign: float) -> FloatArray:
        """(2, 2) millimetres of one side (-1 left, 1 right) to pixels."""
        return rotation_matrix(self.degrees)[:2, :2] @ np.diag([sign, 1.0]) * self.pixels_per_mm

    def to_pixels(self, points: Any, sign: float) -> FloatArray:
        """(..., 2) millimetres of one side to pixels."""
        return np.asarray(points, dtype=np.float64) @ self.linear(sign).T + np.array(self.apex)

    @property
    def points(self) -> FloatArray:
        """(2, 2) the landmarks in pixels, in the order of :data:`NAMES`."""
        left = self.to_pixels(self.left.spur_point(self.surface), -1.0)
        return np.stack([left, self.to_pixels(self.right.spur_point(self.surface), 1.0)])


def make_as_oct(rng: np.random.Generator) -> Phantom:
    """A random synthetic anterior-segment OCT section, about 512 x 256 pixels grey, with both spurs in the picture.

    Args:
        rng: the only source of randomness: equal states give equal phantoms.
    """
    return render_as_oct(draw_as_oct(rng))


def draw_as_oct(rng: np.random.Generator) -> AsOctPlan:
    """Draws the anatomy, pose and scanner of one section."""
    spur, wall, depth = rng.normal(5.75, 0.18), rng.uniform(0.95, 1.2), rng.uniform(2.5, 3.3)
    narrow, pupil = rng.random() < 0.3, rng.uniform(1.1, 2.6)
    surface = Surface(
        radius=rng.normal(7.8, 0.18),
        limbus=spur + rng.normal(-0.15, 0.1),
        slope=rng.uniform(0.6, 0.8),
        thickness=rng.normal(0.54, 0.03),
    )

    def side() -> Side:
        reach = spur + rng.normal(0, 0.1)
        return Side(
            spur=reach,
            wall=wall + rng.normal(0, 0.04),
            tip=rng.uniform(0.07, 0.17),
            recess=(rng.uniform(0.02, 0.2), rng.uniform(0.12, 0.25) if narrow else rng.uniform(0.22, 0.5)),
            bulge=rng.uniform(0.3, 0.65) if narrow else rng.uniform(-0.1, 0.35),
            pupil=pupil + rng.normal(0, 0.08),
            pupil_depth=depth + pupil**2 / 22 + rng.normal(0.0, 0.05),
            iris=rng.uniform(0.3, 0.5),
        )

    while True:
        width, height = int(rng.integers(492, 533)), int(rng.integers(244, 269))
        plan = AsOctPlan(
            width=width,
            height=height,
            apex=(width / 2 + rng.normal(0, 10), rng.uniform(16, 62)),
            pixels_per_mm=rng.uniform(29.5, 36.5),
            degrees=float(rng.normal(0, 3)),
            surface=surface,
            left=side(),
            right=side(),
            lens=(depth + rng.uniform(0.0, 0.15), rng.uniform(9.5, 11.5)),
            flare=rng.uniform(0.2, 1.0) if rng.random() < 0.6 else 0.0,
            shadows=np.column_stack([rng.random(3), rng.uniform(0.15, 0.6, 3), rng.uniform(0, 0.6, 3)]),
            gain=rng.uniform(0.75, 1.25),
            gamma=rng.uniform(0.6, 0.95),
            looks=rng.uniform(1.6, 5.0),
            background=rng.uniform(0.015, 0.05),
            seed=int(rng.integers(2**32)),
        )
        if np.minimum(plan.points, np.array([width, height]) - 1.0 - plan.points).min() > 14:
            return plan


def render_as_oct(plan: AsOctPlan) -> Phantom:
    """Draws a plan; a pure function of it."""
    rng = np.random.default_rng(plan.seed)
    x = np.arange(plan.width, dtype=np.float32)[None, :]
    y = np.arange(plan.height, dtype=np.float32)[:, None]
    inverse = np.linalg.inv(plan.linear(1.0)).astype(np.float32)
    dx, dy = x - np.float32(plan.apex[0]), y - np.float32(plan.apex[1])
    u, v = inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy
    below = v - plan.surface.depth(np.abs(u)).astype(np.float32)
    image = _tissue(plan, u, v, below)
    image = _scan(plan, rng, image, u, below)
    return Phantom(to_uint8(image), NAMES, plan.points)


def _tissue(plan: AsOctPlan, u: Float32, v: Float32, below: Float32) -> Float32:
    """(H, W) back-scatter of the tissues, attenuated with the depth below the front surface."""
    image = np.zeros(u.shape, dtype=np.float32)
    lens = v - np.float32(plan.lens[0]) - u**2 / np.float32(2 * plan.lens[1])
    inside = np.clip(lens * np.float32(plan.pixels_per_mm) + 0.5, 0, 1)
    image += inside * (LENS * np.exp(-np.maximum(lens, 0) / 0.9) + 0.4 * np.exp(-((lens / 0.06) ** 2)))
    away = np.abs(u)
    for sign, side in ((-1.0, plan.left), (1.0, plan.right)):

        def cover(outline: FloatArray, sign: float = sign) -> Float32:
            return polygon_coverage(plan.to_pixels(outline, sign), plan.height, plan.width)

        here = np.clip(sign * u * np.float32(plan.pixels_per_mm) + 0.5, 0, 1)
        front = side.iris_front(plan.surface)
        depth = v - np.interp(away, front[::-1, 0], front[::-1, 1]).astype(np.float32)
        # The iris hides the lens behind it.
        image *= 1 - here * np.clip((away - np.float32(side.pupil)) / 0.12, 0, 1)
        body = cover(side.ciliary_body(plan.surface)) * np.exp(-np.maximum(below - side.wall, 0) / 0.75)
        image += body * (CILIARY - image)
        iris = cover(side.iris_outline(plan.surface))
        image += iris * (IRIS * (0.45 + 0.55 * np.exp(-np.maximum(depth, 0) / 0.12)) - image)
        share = np.clip((away - np.float32(side.spur - 0.9)) / 0.8, 0, 1)
        tone = CORNEA + (SCLERA - CORNEA) * share
        tone *= np.exp(-np.maximum(below, 0) * (0.15 + 0.35 * share))
        shell = cover(side.shell(plan.surface))
        image += shell * (tone - image)
        edge = below - side.thickness(plan.surface, away).astype(np.float32)
        image += 0.18 * here * (1 - share) * np.exp(-((edge / 0.05) ** 2))
    return image + 0.35 * np.exp(-((below / 0.06) ** 2))


def _scan(plan: AsOctPlan, rng: np.random.Generator, image: Float32, u: Float32, below: Float32) -> Float32:
    """What the scanner adds: reflex, shadows, blur, speckle, noise floor and grey-level curve."""
    if plan.flare > 0:
        image = image + plan.flare * np.exp(-((u / 0.09) ** 2)) * np.exp(-np.abs(below) / 1.2)
    x = np.linspace(0, 1, plan.width)
    for position, size, strength in plan.shadows:
        half = size * plan.pixels_per_mm / plan.width
        image = image * (1 - strength * np.exp(-(((x - position) / half) ** 2))).astype(np.float32)
    if np.isfinite(plan.looks):
        image = image * (1 + 0.15 * cloud_field(rng, plan.height, plan.width, 24.0, octaves=3))
        image = gaussian_filter(image.astype(np.float32), 0.5, truncate=3.0)
        floor = plan.background * (1 + 0.4 * np.linspace(-1, 1, plan.height, dtype=np.float32)[:, None])
        image = (image + floor) * speckle(rng, plan.height, plan.width, (0.45, 0.75), plan.looks)
        image = image + white_noise(rng, image.shape, 0.012)
    return np.clip(image * np.float32(plan.gain), 0, None) ** np.float32(plan.gamma)
