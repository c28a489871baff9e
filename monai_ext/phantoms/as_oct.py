"""Synthetic anterior-segment OCT sections with the two scleral spurs, drawn A-scan by A-scan as a scanner does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from monai_ext.landmarks import FloatArray

from .as_oct_anatomy import Side
from .as_oct_plan import NAMES as NAMES
from .as_oct_plan import AsOctPlan, draw_as_oct
from .phantom import Phantom, to_uint8
from .random_fields import cloud_field, smooth_field
from .raster import Float32, polygon_coverage, smooth_step

#: Sample images are reduced to a quarter of the scanner's width and height.
SAMPLE_SCALE = 0.25
#: Share of whole sections that end before one of the spurs.
CUT = 0.15


def make_as_oct(rng: np.random.Generator) -> Phantom:
    """A random synthetic anterior-segment OCT section, 532 x 249 pixels grey, with both spurs in the picture.

    Args:
        rng: the only source of randomness: equal states give equal phantoms.
    """
    return render_as_oct(draw_as_oct(rng).scaled(SAMPLE_SCALE))


def make_section(rng: np.random.Generator, setting: str = "seen") -> Phantom:
    """A random section as a scanner stores it, 2130 x 998 pixels grey; one in seven ends before one of the spurs.

    Args:
        rng: the only source of randomness.
        setting: ``seen``, or ``unseen`` for other eyes and another scanner.
    """
    return render_as_oct(draw_as_oct(rng, setting, CUT))


def render_as_oct(plan: AsOctPlan) -> Phantom:
    """Draws a plan; a pure function of it."""
    rng = np.random.default_rng(plan.seed)
    grid = Grid.of(plan)
    return Phantom(scanned(plan, rng, _tissue(plan, rng, grid), grid.x, grid.below, grid.u), NAMES, plan.points)


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the samples of the A-scans lie.

    Attributes:
        x: (scans,) columns of the image, pixels.
        u: (H, scans) distance from the axis, right is positive, mm.
        v: (H, scans) depth below the apex, mm.
        below: (H, scans) depth below the front surface, mm.
    """

    x: FloatArray
    u: Float32
    v: Float32
    below: Float32

    @classmethod
    def of(cls, plan: AsOctPlan) -> Grid:
        """The samples of a plan."""
        scans = plan.scanner.scans
        x = (np.arange(scans) + 0.5) * plan.width / scans - 0.5
        inverse = np.linalg.inv(plan.linear(1.0)).astype(np.float32)
        dx = (x - plan.apex[0]).astype(np.float32)[None, :]
        dy = (np.arange(plan.height) - plan.apex[1]).astype(np.float32)[:, None]
        u, v = inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy
        return cls(x, u, v, v - plan.surface.depth(np.abs(u)).astype(np.float32))


def linear_level(level: Float32 | float) -> Float32:
    """Decibels to intensities."""
    return np.power(np.float32(10), np.asarray(level, dtype=np.float32) / np.float32(10))


def _tissue(plan: AsOctPlan, rng: np.random.Generator, grid: Grid) -> Float32:
    """(H, scans) back-scatter of the tissues, the noise floor being 1."""
    textured = np.float32(np.isfinite(plan.scanner.looks))
    patches = cloud_field(rng, plan.height, plan.scanner.scans, 40.0, octaves=4) * textured
    lamellae = cloud_field(rng, plan.height, plan.scanner.scans, 9.0, octaves=2) * textured
    image = _lens(plan, grid)
    for sign, side in ((-1.0, plan.left), (1.0, plan.right)):
        _paint_side(plan, grid, image, side, sign, patches, lamellae)
    # The tear film and the back of the cornea reflect where the beam meets them squarely.
    square = np.exp(-((grid.u / 1.9) ** 2))
    image += linear_level(plan.levels["cornea"] + 12.0) * square * np.exp(-(((grid.below - 0.015) / 0.022) ** 2))
    back = grid.below - np.float32(plan.surface.thickness)
    image += linear_level(plan.levels["cornea"] + 6.0) * square**1.5 * np.exp(-((back / 0.02) ** 2))
    return image * linear_level(plan.scanner.signal)


def _lens(plan: AsOctPlan, grid: Grid) -> Float32:
    """The front of the lens: a thin line, and a haze behind it about the axis."""
    depth = grid.v - np.float32(plan.lens[0]) - grid.u**2 / np.float32(2 * plan.lens[1])
    inside = np.clip(depth * np.float32(plan.pixels_per_mm) + 0.5, 0, 1)
    haze = np.exp(-np.maximum(depth, 0) / 0.8) * np.exp(-((grid.u / 1.6) ** 2))
    capsule = np.exp(-((depth / 0.014) ** 2)) * (0.25 + np.exp(-((grid.u / 0.9) ** 2)))
    level = linear_level(plan.levels["lens"])
    return np.asarray(inside * haze * level + 3.0 * level * capsule, dtype=np.float32)


def _paint_side(
    plan: AsOctPlan, grid: Grid, image: Float32, side: Side, sign: float, patches: Float32, lamellae: Float32
) -> None:
    """Lays one half of the eye over what is drawn."""
    levels, surface = plan.levels, plan.surface
    away, below = np.abs(grid.u), grid.below
    scale = np.array([plan.scanner.scans / plan.width, 1.0])

    def cover(outline: FloatArray) -> Float32:
        corners = (plan.to_pixels(outline, sign) + 0.5) * scale - 0.5
        return polygon_coverage(corners, plan.height, plan.scanner.scans)

    def lay(coverage: Float32, level: Float32) -> None:
        where = coverage > 0
        image[where] += coverage[where] * (linear_level(level[where]) - image[where])

    here = np.clip(sign * grid.u * np.float32(plan.pixels_per_mm) + 0.5, 0, 1)
    front, back = side.iris_front(surface), side.iris_back(surface)
    # Nothing is seen behind the iris.
    hidden = here * np.clip((away - np.float32(side.pupil)) / 0.12, 0, 1)
    image *= 1 - hidden * (grid.v > np.interp(away, front[::-1, 0], front[::-1, 1]))

    spur = side.spur_point(surface)
    inward = np.maximum(below - side.wall, 0) + 0.5 * np.abs(away - spur[0])
    lay(cover(side.ciliary_body(surface)), levels["ciliary"] - levels["decay"] * inward + 1.2 * patches)

    from_back = (np.interp(away, back[::-1, 0], back[::-1, 1]) - grid.v).astype(np.float32)
    from_front = (grid.v - np.interp(away, front[::-1, 0], front[::-1, 1])).astype(np.float32)
    iris = levels["iris"] - 5.0 * np.maximum(from_front, 0) / np.float32(side.iris) + 1.5 * patches
    iris += (levels["border"] - levels["iris"]) * np.exp(-np.maximum(from_front, 0) / 0.05)
    iris += (levels["pigment"] - levels["iris"] + 5.0) * np.exp(-((np.maximum(from_back - 0.04, 0) / 0.06) ** 2))
    # Towards the angle the beam has passed the limbus and the iris is dim.
    dim = 11.0 * smooth_step(away, spur[0] - 0.9, spur[0] + 0.1)
    outline = cover(np.concatenate([front, back[::-1]]))
    # Light that the pigment scatters arrives late and lies behind it.
    late = linear_level(levels["pigment"] - 5.0 - dim) * np.exp(from_back / 0.11) * (from_back < 0)
    image += hidden * late * smooth_step(spur[0] - away, -0.1, 0.1)
    lay(outline, iris - dim)

    slant = np.float32(levels["slant"]) * (np.maximum(below, 0) - 0.4)
    share = smooth_step(away - slant, surface.limbus - 0.45, surface.limbus + 0.15).astype(np.float32)
    cornea = levels["cornea"] + 2.0 * np.exp(-((away / 1.6) ** 2)) - 1.5 * smooth_step(away, 2.5, 5.0)
    cornea = cornea + 0.5 * patches
    depth = np.maximum(below, 0)
    sclera = levels["sclera"] - levels["decay"] * depth - 5.0 * np.exp(-depth / 0.08) + 1.3 * lamellae + patches
    lay(cover(side.shell(surface)), cornea + share * (sclera - cornea))


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
