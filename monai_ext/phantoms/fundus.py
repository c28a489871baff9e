"""Synthetic fundus photographs with the fovea and the centre of the optic disc."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from .fundus_plan import NAMES, FundusPlan, draw_fundus
from .phantom import Phantom, to_uint8
from .random_fields import cloud_field, smooth_field, white_noise
from .raster import Float32, densify, smooth_step, stroke_coverage

#: Share of (red, green, blue) light that a vessel of full contrast takes away.
VEIN_LOSS = (0.36, 0.62, 0.50)
ARTERY_LOSS = (0.15, 0.50, 0.44)
DISC_EDGE = 0.06  #: half width of the disc's soft rim, disc diameters


def make_fundus(rng: np.random.Generator) -> Phantom:
    """A random synthetic fundus photograph, about 480 x 360 pixels RGB, with both landmarks in the picture.

    Args:
        rng: the only source of randomness: equal states give equal phantoms.
    """
    return render_fundus(draw_fundus(rng))


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
    return Phantom(to_uint8(image.transpose(1, 2, 0)), NAMES, plan.points)


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
