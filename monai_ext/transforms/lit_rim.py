"""The rim of the lit part of a fundus photograph, which its circle is fitted to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from monai_ext.landmarks import FloatArray

#: A pixel is lit above this share of the way from the surround to the middle of the image.
LIT_SHARE = 0.15
#: Pixels to either side of where the lit part begins that its edge is sought in.
EDGE = 3
#: The edge of a lit part rises over those pixels by this share of the light a little further in; shading does not.
SHARPNESS, FURTHER = 0.5, 8
#: Side of the corners that the noise of the surround is taken from, pixels.
CORNER = 4
#: What lies this far beyond a circle, as a share of its radius, is outside of it.
BEYOND = 0.03
#: Two corners are of one surround where their colours differ by less than this share of the image's range.
SAME_COLOR = 0.06
#: A straight cut is longer than what a circle's own top fills of rows this high, by this factor.
FLAT, FLATNESS = 1.0, 1.5


def contrasts(image: FloatArray) -> Iterator[FloatArray]:
    """Distances of each pixel from the colours that the surround may have.

    That is the colour of the darkest corner, and then any that two corners share.

    Args:
        image: (C, H, W).

    Yields:
        (H, W) distance from the colour, 0 or more.
    """
    height, width = image.shape[-2:]
    side = max(2, min(height, width) // 20)
    ends = (slice(side), slice(-side, None))
    corners = [np.median(image[:, y, x], axis=(1, 2)) for y in ends for x in ends]
    spread = float(image.max() - image.min())
    corners.sort(key=lambda corner: float(corner.max()))
    same = np.array([[np.abs(a - b).max() <= SAME_COLOR * spread for a in corners] for b in corners])
    for k, color in enumerate(corners):
        if k == 0 or (same[k].sum() > 1 and not same[k, :k].any()):
            yield np.abs(image - color[:, None, None]).max(axis=0)


def surround_share(light: FloatArray, x: float, y: float, radius: float) -> float:
    """The share of what lies outside a circle that is surround; 1 where nothing does."""
    height, width = light.shape
    away = np.hypot(np.arange(width) - x, (np.arange(height) - y)[:, None])
    outside = light[away > (1 + BEYOND) * radius]
    return float((outside <= _level(light)).mean()) if outside.size else 1.0


def lit_reach(light: FloatArray, x: float, y: float) -> tuple[float, float]:
    """The reach of the lit part from a place to the sides, and up and down, in pixels.

    The farther of both sides counts, less half of the pixel there, which may be mixed with the surround.
    """
    lit = _lit(light, _level(light))
    columns, rows = np.flatnonzero(lit.any(axis=0)), np.flatnonzero(lit.any(axis=1))
    if not len(columns):
        return np.inf, np.inf
    return float(max(x - columns[0], columns[-1] - x)), float(max(y - rows[0], rows[-1] - y))


def rim_points(light: FloatArray) -> FloatArray:
    """The rim of the lit part, without the image's own border, straight cuts and what is only shaded.

    Args:
        light: (H, W), near 0 in the surround.

    Returns:
        (N, 2) places (x, y), to parts of a pixel.
    """
    height, width = light.shape
    dark = _dark(light)
    lit = _lit(light, _level(light))
    views = ((light, lit), (light[:, ::-1], lit[:, ::-1]), (light.T, lit.T), (light.T[:, ::-1], lit.T[:, ::-1]))
    (left, rows), (right, rows_too), (top, columns), (bottom, columns_too) = (_entries(*v, dark) for v in views)
    right, bottom = width - 1 - right, height - 1 - bottom
    x = np.concatenate([left, right, columns, columns_too])
    y = np.concatenate([rows, rows_too, top, bottom])
    return np.stack([x, y], axis=1)


def _dark(light: FloatArray) -> float:
    """The value of the surround, which is its noise."""
    ends = (slice(CORNER), slice(-CORNER, None))
    return float(min(np.median(light[y, x]) for y in ends for x in ends))


def _level(light: FloatArray) -> float:
    """The value above which a pixel is lit."""
    height, width = light.shape
    middle = light[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None]
    dark = _dark(light)
    return dark + LIT_SHARE * (float(np.median(middle)) - dark)


def _lit(light: FloatArray, level: float) -> np.ndarray:
    """The largest lit part, (H, W) bool, without holes."""
    lit = ndimage.binary_opening(light > level, iterations=2)
    parts, count = ndimage.label(lit)
    if count == 0:
        return np.zeros_like(lit)
    largest = 1 + int(np.argmax(ndimage.sum_labels(lit, parts, np.arange(1, count + 1))))
    return np.asarray(ndimage.binary_fill_holes(parts == largest))


def _entries(light: FloatArray, lit: np.ndarray, dark: float) -> tuple[FloatArray, FloatArray]:
    """Entries of rows into the lit part: the place along each, between two pixels, and the numbers of the rows.

    A row enters where its light passes half of what it is a few pixels further in, as a person sees an edge.
    """
    rows = np.flatnonzero(lit.any(axis=1))
    first = lit[rows].argmax(axis=1)
    rows, first = rows[first > EDGE], first[first > EDGE]
    last = light.shape[1] - 1
    columns = np.minimum(first[:, None] + np.arange(-EDGE, EDGE + 1), last)
    profile = np.maximum.accumulate(light[rows[:, None], columns].astype(np.float64), axis=1)
    half = (dark + profile[:, -1:]) / 2
    after = np.clip((profile < half).sum(axis=1), 1, 2 * EDGE)
    here = np.arange(len(rows))
    low, high = profile[here, after - 1], profile[here, after]
    part = np.clip((half[:, 0] - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    place = first - EDGE + after - 1 + part
    inner = light[rows, np.minimum(first + FURTHER, last)] - dark
    rises = profile[:, -1] - profile[:, 0] >= SHARPNESS * inner
    kept = rises & ~_straight(place)
    return place[kept], rows[kept].astype(np.float64)


def _straight(place: FloatArray) -> np.ndarray:
    """Mask of the entries on a straight cut: at one place for more rows than the side of a circle would."""
    if not len(place):
        return np.zeros(0, dtype=bool)
    values = np.round(place / FLAT).astype(int)
    counts = np.bincount(values - values.min())
    often = np.convolve(counts, np.ones(3, dtype=int), mode="same")
    # a circle of radius r stays within h of its side for 2 sqrt(2 r h) rows
    usual = 2 * np.sqrt(2 * (len(place) / 2) * 1.5 * FLAT)
    return np.asarray(often[values - values.min()] > FLATNESS * usual)
