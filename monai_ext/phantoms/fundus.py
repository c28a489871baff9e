"""Synthetic fundus photographs with the fovea and the centre of the optic disc."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from ..landmarks import Status
from ..landmarks.geometry import FloatArray, rotation_matrix
from .fundus_vessels import Vessel, grow_vessels
from .phantom import Phantom, to_uint8
from .random_fields import cloud_field, smooth_field, white_noise
from .raster import Float32, densify, smooth_step, stroke_coverage

NAMES = ("fovea", "optic_disc")

#: Retina tints (linear RGB) that a random mixture is drawn from: orange, dark brown, pinkish, yellowish, red.
TINTS = np.array([[0.86, 0.40, 0.10], [0.50, 0.20, 0.05], [0.62, 0.36, 0.28], [0.76, 0.50, 0.17], [0.70, 0.28, 0.12]])
#: Share of (red, green, blue) light that a vessel of full contrast takes away.
VEIN_LOSS = (0.36, 0.62, 0.50)
ARTERY_LOSS = (0.15, 0.50, 0.44)
DISC_EDGE = 0.06  #: half width of the disc's soft rim, disc diameters


@dataclass(frozen=True, eq=False)
class FundusPlan:
    """Everything that one picture shows. Anatomy in disc diameters about the disc centre, x temporal, y down.

    Args:
        width: columns.
        height: rows.
        center: pixel (x, y) of the middle of the circular field of view.
        radius: its radius in pixels.
        disc_diameter: pixels per disc diameter.
        view: anatomical point in the middle of the field.
        side: 1 where the fovea lies at the image's right of the disc (left eye), -1 otherwise.
        degrees: rotation of the camera, clockwise on the screen.
        fovea: anatomical point.
        disc_axes: half axes of the disc.
        cup: half axes of the bright cup, as a share of the disc's.
        macula: darkness of (the macula, the foveal pit), 0 to 1.
        tint: retina colour.
        disc_tint: disc colour.
        vessels: the vessel tree.
        vessel_contrast: 0 to 1.
        lesions: (N, 4) anatomical x, y, radius, and 1 for exudate or 0 for haemorrhage.
        vignette: darkening towards the rim.
        gradient: (2,) brightness change over one radius along the image axes.
        haze: bluish veil at the rim.
        texture: contrast of the retina's texture; 0 for none.
        gamma: of the intensities.
        gain: of the intensities.
        blur: Gaussian sigma in pixels.
        noise: standard deviation of the sensor noise.
        seed: of the textures and the noise.
    """

    width: int
    height: int
    center: tuple[float, float]
    radius: float
    disc_diameter: float
    view: FloatArray
    side: int
    degrees: float
    fovea: FloatArray
    disc_axes: tuple[float, float]
    cup: float
    macula: tuple[float, float]
    tint: FloatArray
    disc_tint: FloatArray
    vessels: tuple[Vessel, ...]
    vessel_contrast: float
    lesions: FloatArray
    vignette: float
    gradient: FloatArray
    haze: float
    texture: float
    gamma: float
    gain: float
    blur: float
    noise: float
    seed: int

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
            self, vessels=(), lesions=none, vignette=0.0, gradient=np.zeros(2), haze=0.0, texture=0.0, blur=0.0, noise=0.0
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


def make_fundus(rng: np.random.Generator) -> Phantom:
    """A random synthetic fundus photograph, about 480 x 360 pixels RGB, with both landmarks in the picture.

    Args:
        rng: the only source of randomness: equal states give equal phantoms.
    """
    return render_fundus(draw_fundus(rng))


def draw_fundus(rng: np.random.Generator) -> FundusPlan:
    """Draws the anatomy, pose and camera of one picture."""
    height = int(rng.integers(336, 385))
    width = int(round(height * rng.uniform(1.22, 1.5)))
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


def render_fundus(plan: FundusPlan) -> Phantom:
    """Draws a plan; a pure function of it."""
    rng = np.random.default_rng(plan.seed)
    x = np.arange(plan.width, dtype=np.float32)[None, :]
    y = np.arange(plan.height, dtype=np.float32)[:, None]
    u, v = plan.to_anatomy(x, y)
    image = _retina(plan, rng, u, v)
    _draw_disc(plan, image, u, v)
    _draw_vessels(plan, image)
    _draw_lesions_on(plan, image)
    image = _photograph(plan, rng, image, x, y)
    status = np.full(len(NAMES), Status.DEFINED, dtype=np.int8)
    return Phantom(to_uint8(image.transpose(1, 2, 0)), NAMES, plan.points, status)


def _color(rgb: Any) -> Float32:
    """(3, 1, 1) a colour that broadcasts over planes."""
    return np.asarray(rgb, dtype=np.float32)[:, None, None]


def _retina(plan: FundusPlan, rng: np.random.Generator, u: Float32, v: Float32) -> Float32:
    """(3, H, W) the retina with its macula and texture."""
    light = np.ones((plan.height, plan.width), dtype=np.float32)
    if plan.texture > 0:
        light += plan.texture * cloud_field(rng, plan.height, plan.width, plan.disc_diameter * 1.4)
        # Choroidal vessels shine through as a net of bright ridges.
        ridges = 1 - np.abs(smooth_field(rng, plan.height, plan.width, plan.disc_diameter * 0.22))
        light += 0.35 * plan.texture * ridges
    square = (u - np.float32(plan.fovea[0])) ** 2 + (v - np.float32(plan.fovea[1])) ** 2
    wide, pit = plan.macula
    dark = wide * np.exp(square * np.float32(-0.5 / 0.72**2)) + pit * np.exp(square * np.float32(-0.5 / 0.21**2))
    image = _color(plan.tint) * light * (1 - _color([0.75, 1.0, 0.9]) * dark)
    # Nerve fibres make the retina paler around the disc.
    glow = np.exp(np.sqrt(u**2 + (np.float32(0.7) * v) ** 2) * np.float32(-1.3)) * np.float32(0.22)
    image += glow * (_color(plan.disc_tint) - image)
    return image


def _draw_disc(plan: FundusPlan, image: Float32, u: Float32, v: Float32) -> None:
    """Blends the disc, its paler cup and the dark rim around it into the retina."""
    a, b = plan.disc_axes
    inside = (1 - np.sqrt((u / np.float32(a)) ** 2 + (v / np.float32(b)) ** 2)) * np.float32((a + b) / 2)
    image *= 1 - np.exp((inside + np.float32(DISC_EDGE * 1.5)) ** 2 * np.float32(-0.5 / 0.045**2)) * np.float32(0.16)
    disc = smooth_step(inside, -DISC_EDGE, DISC_EDGE) * np.float32(0.92)
    image += disc * (_color(plan.disc_tint) - image)
    depth = (1 - plan.cup) * a
    cup = smooth_step(inside, depth - 0.09, depth + 0.09) * np.float32(0.6)
    image += cup * (_color([1.0, 0.93, 0.74]) - image)


def _draw_vessels(plan: FundusPlan, image: Float32) -> None:
    """Darkens the image along veins and arteries; wide arteries keep a bright reflex in the middle."""
    scale = plan.disc_diameter
    for vein, loss in ((False, ARTERY_LOSS), (True, VEIN_LOSS)):
        lines = [(plan.to_pixels(item.points), item.radii * scale) for item in plan.vessels if item.vein is vein]
        points, radii = densify(lines, 0.7)
        cover = stroke_coverage(points, radii, plan.height, plan.width)
        if not vein:
            wide = radii > 1.2
            cover -= 0.4 * stroke_coverage(points[wide], radii[wide] * 0.35, plan.height, plan.width)
        image *= 1 - cover * _color(loss) * np.float32(plan.vessel_contrast)


def _draw_lesions_on(plan: FundusPlan, image: Float32) -> None:
    for exudate, color in ((0.0, (0.34, 0.06, 0.03)), (1.0, (0.95, 0.82, 0.42))):
        spots = plan.lesions[plan.lesions[:, 3] == exudate]
        if len(spots) == 0:
            continue
        points, radii = plan.to_pixels(spots[:, :2]), spots[:, 2] * plan.disc_diameter
        cover = gaussian_filter(stroke_coverage(points, radii, plan.height, plan.width), 0.9, truncate=3.0)
        image += np.float32(0.6) * cover * (_color(color) - image)


def _photograph(plan: FundusPlan, rng: np.random.Generator, image: Float32, x: Float32, y: Float32) -> Float32:
    """Light, lens and sensor: shading, veil, aperture, blur, gamma and noise."""
    dx, dy = (x - np.float32(plan.center[0])) / plan.radius, (y - np.float32(plan.center[1])) / plan.radius
    square = (dx**2 + dy**2).astype(np.float32)
    rho = np.sqrt(square)
    gx, gy = plan.gradient.astype(np.float32)
    image = image * (plan.gain * (1 - np.float32(plan.vignette) * square * rho + gx * dx + gy * dy)).astype(np.float32)
    if plan.haze > 0:
        veil = np.float32(plan.haze) * np.minimum(square, 1) ** 3
        image += veil * (_color([0.55, 0.5, 0.62]) - image)
    field = np.clip((1 - rho) * np.float32(plan.radius) + np.float32(0.5), 0, 1)
    image = np.clip(image, 1e-6, 1) ** np.float32(plan.gamma) * field
    if plan.blur > 0:
        image = gaussian_filter(image, (0, plan.blur, plan.blur), truncate=3.0)
    if plan.noise > 0:
        image += white_noise(rng, image.shape, plan.noise) * (np.float32(0.25) + np.float32(0.75) * field)
        image += np.float32(0.012)
    return image
