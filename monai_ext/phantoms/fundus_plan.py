"""What one synthetic fundus photograph shows: anatomy, pose, camera, and where its landmarks lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monai_ext.landmarks import FloatArray, rotation_matrix

from .fundus_vessels import Vessel, grow_vessels

NAMES = ("fovea", "optic_disc")

#: Retina tints (linear RGB) that a random mixture is drawn from: orange, dark brown, pinkish, yellowish, red.
TINTS = np.array([[0.86, 0.40, 0.10], [0.50, 0.20, 0.05], [0.62, 0.36, 0.28], [0.76, 0.50, 0.17], [0.70, 0.28, 0.12]])


@dataclass(frozen=True, eq=False)
class FundusPlan:
    """Everything that one picture shows. Anatomy in disc diameters about the disc centre, x temporal, y down."""

    width: int  #: columns
    height: int  #: rows
    center: tuple[float, float]  #: pixel (x, y) of the middle of the circular field of view
    radius: float  #: its radius in pixels
    disc_diameter: float  #: pixels per disc diameter
    view: FloatArray  #: anatomical point in the middle of the field
    side: int  #: 1 where the fovea lies at the image's right of the disc (left eye), -1 otherwise
    degrees: float  #: rotation of the camera, clockwise on the screen
    fovea: FloatArray  #: anatomical point
    disc_axes: tuple[float, float]  #: half axes of the disc
    cup: float  #: half axes of the bright cup, as a share of the disc's
    macula: tuple[float, float]  #: darkness of (the macula, the foveal pit), 0 to 1
    tint: FloatArray  #: retina colour
    disc_tint: FloatArray  #: disc colour
    vessels: tuple[Vessel, ...]  #: the vessel tree
    vessel_contrast: float  #: 0 to 1
    lesions: FloatArray  #: (N, 4) anatomical x, y, radius, and 1 for exudate or 0 for haemorrhage
    vignette: float  #: darkening towards the rim
    gradient: FloatArray  #: (2,) brightness change over one radius along the image axes
    haze: float  #: bluish veil at the rim
    texture: float  #: contrast of the retina's texture; 0 for none
    gamma: float  #: of the intensities
    gain: float  #: of the intensities
    blur: float  #: Gaussian sigma in pixels
    noise: float  #: standard deviation of the sensor noise
    seed: int  #: of the textures and the noise

    def mirrored(self) -> FundusPlan:
        """The same eye in a mirror; textures and noise are not mirrored."""
        return replace(
            self,
            center=(self.width - 1.0 - self.center[0], self.center[1]),
            side=-self.side,
            degrees=-self.degrees,
            gradient=self.gradient * np.array([-1.0, 1.0]),
        )

    def plain(self) -> FundusPlan:
        """The same geometry evenly lit, without vessels, lesions, texture, blur and noise."""
        none = np.zeros((0, 4))
        return replace(
            self,
            vessels=(),
            lesions=none,
            vignette=0.0,
            gradient=np.zeros(2),
            haze=0.0,
            texture=0.0,
            blur=0.0,
            noise=0.0,
        )

    @property
    def linear(self) -> FloatArray:
        """(2, 2) anatomy to pixels."""
        return rotation_matrix(self.degrees)[:2, :2] @ np.diag([float(self.side), 1.0]) * self.disc_diameter

    def to_pixels(self, points: Any) -> FloatArray:
        """(..., 2) anatomical points to pixels."""
        return (np.asarray(points, dtype=np.float64) - self.view) @ self.linear.T + np.array(self.center)

    def to_anatomy(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Pixel coordinates to anatomical ones."""
        inverse = np.linalg.inv(self.linear).astype(np.float32)
        dx, dy = x - np.float32(self.center[0]), y - np.float32(self.center[1])
        u = inverse[0, 0] * dx + inverse[0, 1] * dy + np.float32(self.view[0])
        v = inverse[1, 0] * dx + inverse[1, 1] * dy + np.float32(self.view[1])
        return u, v

    @property
    def points(self) -> FloatArray:
        """(2, 2) the landmarks in pixels, in the order of :data:`NAMES`."""
        return self.to_pixels(np.stack([self.fovea, np.zeros(2)]))


def draw_fundus(rng: np.random.Generator) -> FundusPlan:
    """Draws the anatomy, pose and camera of one picture."""
    height = int(rng.integers(336, 385))
    width = round(height * float(rng.uniform(1.22, 1.5)))
    radius = height * (rng.uniform(0.46, 0.5) if rng.random() < 0.45 else rng.uniform(0.51, 0.58))
    radius = min(radius, 0.49 * width)
    fovea = np.array([rng.normal(2.62, 0.14), rng.normal(0.28, 0.12)])
    while True:
        # Most pictures are centred on the macula, some between macula and disc.
        share = rng.uniform(0.75, 1.05) if rng.random() < 0.7 else rng.uniform(0.3, 0.75)
        plan = FundusPlan(
            width=width,
            height=height,
            center=(width / 2 + rng.normal(0, 0.012) * width, height / 2 + rng.normal(0, 0.012) * height),
            radius=radius,
            disc_diameter=radius * 2 / rng.uniform(6.5, 8.4),
            view=fovea * share + rng.normal(0, 0.22, 2),
            side=1 if rng.random() < 0.5 else -1,
            degrees=float(rng.normal(0, 7)),
            fovea=fovea,
            disc_axes=(0.5 * rng.uniform(0.88, 1.0), 0.5 * rng.uniform(0.98, 1.1)),
            cup=rng.uniform(0.25, 0.6),
            macula=(rng.uniform(0.1, 0.34), rng.uniform(0.1, 0.36)),
            tint=rng.dirichlet(np.full(len(TINTS), 0.7)) @ TINTS,
            disc_tint=np.array([0.98, rng.uniform(0.62, 0.8), rng.uniform(0.3, 0.52)]),
            vessels=(),
            vessel_contrast=rng.uniform(0.55, 1.0),
            lesions=_draw_lesions(rng),
            vignette=rng.uniform(0.1, 0.55),
            gradient=rng.normal(0, 0.12, 2),
            haze=rng.uniform(0.05, 0.5) if rng.random() < 0.35 else 0.0,
            texture=rng.uniform(0.02, 0.09),
            gamma=rng.uniform(0.8, 1.35),
            gain=rng.uniform(0.75, 1.1),
            blur=rng.uniform(0.35, 1.3),
            noise=rng.uniform(0.004, 0.022),
            seed=int(rng.integers(2**32)),
        )
        edge = np.hypot(*(plan.points - np.array(plan.center)).T)
        margin = np.minimum(plan.points, np.array([width, height]) - 1.0 - plan.points).min()
        if edge.max() < 0.93 * radius and margin > 14:
            return replace(plan, vessels=grow_vessels(rng, fovea))


def _draw_lesions(rng: np.random.Generator) -> FloatArray:
    """Clusters of small spots in about a third of the eyes."""
    if rng.random() > 0.35:
        return np.zeros((0, 4))
    clusters = []
    for _ in range(rng.integers(1, 4)):
        count = int(rng.integers(2, 16))
        exudate = float(rng.random() < 0.6)
        center = np.array([rng.uniform(-1, 5), rng.uniform(-2.5, 2.5)])
        spots = center + rng.normal(0, rng.uniform(0.15, 0.5), (count, 2))
        radii = rng.uniform(0.012, 0.05, count) * (1.0 if exudate else 1.5)
        clusters.append(np.column_stack([spots, radii, np.full(count, exudate)]))
    spots = np.concatenate(clusters)
    return spots[np.hypot(spots[:, 0], spots[:, 1]) > 0.8]
