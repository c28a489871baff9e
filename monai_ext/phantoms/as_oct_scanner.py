"""What an anterior-segment OCT scanner adds: reflex, shadows, speckle, noise floor and the curve of grey levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from monai_ext.landmarks import FloatArray

from .as_oct_plan import AsOctPlan
from .phantom import to_uint8
from .random_fields import smooth_field
from .raster import Float32, smooth_step


def scanned(
    plan: AsOctPlan, rng: np.random.Generator, image: Float32, x: FloatArray, below: Float32, u: Float32
) -> NDArray[np.uint8]:
    """The picture of some tissues: grey levels are decibels between the plan's black and white.

    Args:
        plan: of the section.
        rng: source of the noise.
        image: (H, scans) back-scatter, the noise floor being 1.
        x: (scans,) columns of the image in which the A-scans lie, pixels.
        below: (H, scans) depth below the front surface, mm.
        u: (H, scans) distance from the axis, mm.

    Returns:
        (H, W) grey levels.
    """
    scanner = plan.scanner
    image = image * np.power(np.float32(10), -_losses(plan, rng, x, below, u) / 10)
    image += _reflex(plan, rng, x, below)
    if np.isfinite(scanner.looks):
        image = (image + 1.0) * _speckle(rng, image.shape, scanner.grain, scanner.looks)
    level = 10 * np.log10(np.maximum(image, 1e-3))
    grey = _resampled((level - scanner.black) / scanner.range, plan.width)
    if scanner.rim:
        grey[: scanner.rim // 2], grey[plan.height - scanner.rim :] = 0, 0
    return to_uint8(grey)


def _losses(plan: AsOctPlan, rng: np.random.Generator, x: FloatArray, below: Float32, u: Float32) -> Float32:
    """(H, scans) loss of signal in dB: of vessels, dim limbs, the shadow under the limbus, and of single A-scans."""
    scanner = plan.scanner
    column = np.zeros(len(x))
    for position, size, loss in scanner.shadows:
        half = size * plan.pixels_per_mm
        column += loss * np.exp(-(((x - position * plan.width) / half) ** 2))
    if np.isfinite(scanner.looks):
        column += rng.normal(0, 0.9, len(x))
    total = np.broadcast_to(column.astype(np.float32), below.shape)
    total = total * (1 - np.exp(-np.maximum(below, 0) / 0.1))
    limbus = plan.surface.limbus
    for sign, dim, shadow in zip((-1.0, 1.0), scanner.limbs, scanner.limbus_shadow, strict=True):
        away = sign * u
        total += np.float32(dim) * smooth_step(away, 2.5, 7.0)
        if shadow:
            under = 1 - np.exp(-np.maximum(below - 0.15, 0) / 0.6)
            total += np.float32(shadow) * smooth_step(away, limbus - 0.7, limbus + 0.4) * under
    return np.asarray(total, dtype=np.float32)


def _reflex(plan: AsOctPlan, rng: np.random.Generator, x: FloatArray, below: Float32) -> Any:
    """(H, scans) the bright line through the apex, with the rungs of multiple reflections."""
    width, level, step, slope = plan.scanner.reflex
    if not level:
        return np.float32(0)
    away = ((x - plan.apex[0]) / plan.pixels_per_mm).astype(np.float32)
    band = np.clip((width / 2 - np.abs(away)) / 0.025 + 0.5, 0, 1)
    fade = np.interp(np.arange(len(below)), np.linspace(0, len(below) - 1, 14), rng.uniform(0, 1, 14))
    fade = -plan.scanner.broken * 16.0 * fade.astype(np.float32) ** 2 - rng.uniform(0, 4)
    line = np.power(np.float32(10), (level + fade[:, None] - 3.0 * rng.random(len(x))[None]) / 10)
    if step:
        # Rungs lie at even distances from the surface, every other one weak.
        at = (below + slope * away) / step
        for shift, gain in ((0.0, 7.0), (0.5, 1.5)):
            near = (at + shift - np.round(at + shift)) * step
            line = line + np.power(np.float32(10), (level + gain) / 10) * np.exp(-((near / 0.02) ** 2))
    return (band * line).astype(np.float32)


def _speckle(rng: np.random.Generator, shape: tuple[int, ...], grain: float, looks: float) -> Float32:
    """(H, scans) speckle of mean 1, its grain widened along the A-scans; intensities of averaged complex fields."""
    height, scans = shape
    total, weight = np.zeros(shape, dtype=np.float32), 0.0
    # A part of a look counts as a weaker one: n equal parts and one of the rest.
    for share in [1.0] * int(looks) + [looks % 1.0]:
        if share > 0.02:
            field = rng.standard_normal((2, height, scans), dtype=np.float32)
            if grain > 0.3:
                field = gaussian_filter1d(field, grain, axis=1, truncate=2.5)
            total += np.float32(share) * (field**2).sum(axis=0)
            weight += share
    total /= total.mean()
    clouds = smooth_field(rng, height, scans, 60.0) * np.float32(0.06)
    return np.asarray(total * (1 + clouds), dtype=np.float32)


def _resampled(image: Float32, width: int) -> Float32:
    """(H, width) of (H, scans): columns between the A-scans are interpolated linearly."""
    scans = image.shape[1]
    place = np.clip((np.arange(width) + 0.5) * scans / width - 0.5, 0, scans - 1)
    first = np.minimum(place.astype(np.intp), scans - 2)
    share = (place - first).astype(np.float32)
    return np.asarray(image[:, first] * (1 - share) + image[:, first + 1] * share, dtype=np.float32)
