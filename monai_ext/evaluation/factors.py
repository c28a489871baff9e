"""Factors of an image and of its true landmarks that may make predictions wrong, as numbers.

Brightness, contrast and sharpness are measured on a grey copy of :data:`SIDE` pixels, within the lit field where the
protocol looks for one, so that images of different sizes compare.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from monai_ext.images import LUMA_THOUSANDTHS, read_pixels
from monai_ext.landmarks import FloatArray, Landmarks, Strict
from monai_ext.transforms import find_visible_field

from .picture import WINDOW_PERCENTILES
from .scores import Number

#: Longer side of the copy in pixels; smaller images are measured as they are.
SIDE = 512
#: Standard deviations of the Gaussian filters between which structures count, as shares of the longer side.
FINE, MIDDLE, COARSE = 1 / SIDE, 2 / SIDE, 16 / SIDE
#: Radius of a landmark's surroundings, as a share of the longer side.
AROUND = 16 / SIDE
#: A pixel is overexposed from this share of the brightest storable value.
WHITE = 0.97


class Factor(NamedTuple):
    """A number that may explain errors.

    Attributes:
        low: words for images or landmarks in which it is low; empty if low values are not tested.
        high: the same for high values.
    """

    low: str
    high: str


#: Measured once for each image. ``{0}`` and ``{1}`` are the two landmarks of :attr:`Factors.line`.
OF_IMAGE = {
    "brightness": Factor("dark image", "bright image"),
    "contrast": Factor("low contrast of the image (haze)", "high contrast of the image"),
    "sharpness": Factor("blurred image", "sharp or noisy image"),
    "overexposed": Factor("", "overexposed areas (reflections)"),
    "megapixels": Factor("small image", "large image"),
    "order": Factor("{0} left of {1}", "{0} right of {1}"),
    "tilt": Factor("", "tilted line from {0} to {1}"),
    "extent": Factor("{0} and {1} close together", "{0} and {1} far apart"),
}
#: Measured for each landmark.
OF_LANDMARK = {
    "border": Factor("landmark near the edge", ""),
    "landmark_brightness": Factor("landmark darker than usual", "landmark brighter than usual"),
    "landmark_contrast": Factor("low contrast around the landmark", "high contrast around the landmark"),
    "landmark_overexposed": Factor("", "overexposed areas around the landmark"),
}


class Factors(Strict):
    """Factors of N images with K landmarks; NaN where not measurable, null in JSON.

    Args:
        line: the two landmarks that lie farthest apart along x in most images; None with one landmark.
        of_image: (N) values of each factor of :data:`OF_IMAGE`. ``order`` is -1 or 1; ``tilt`` is in degrees from the
            median; ``extent`` is a share of the image's diagonal.
        of_landmark: (N, K) values of each factor of :data:`OF_LANDMARK`. ``border`` is the distance to the edge of
            the image or of its lit field, as a share of the shorter side.
        missed: (N, K), true where a landmark that is there was predicted missing.
    """

    line: tuple[str, str] | None
    of_image: dict[str, tuple[Number, ...]]
    of_landmark: dict[str, tuple[tuple[Number, ...], ...]]
    missed: tuple[tuple[bool, ...], ...]

    def of(self, image: int, landmark: int) -> dict[str, float]:
        """All factors of one landmark, by name, the image's first."""
        own = {name: rows[image][landmark] for name, rows in self.of_landmark.items()}
        return {name: values[image] for name, values in self.of_image.items()} | own


def measure_factors(
    truths: Sequence[Landmarks], predictions: Sequence[Landmarks], files: Sequence[Path], *, lit_field: bool = False
) -> Factors:
    """Measures the factors of the images of an evaluation.

    Args:
        truths: N sets of the same K landmarks in the same order.
        predictions: of the same images, in the same order of landmarks.
        files: the image files, which are read one after the other.
        lit_field: whether to look for the lit circle of fundus photographs.

    Raises:
        InputError: an image cannot be read.
    """
    seen = [image_factors(read_pixels(file), truth, lit_field) for file, truth in zip(files, truths, strict=True)]
    line, posed = _pose(truths)
    of_image = {name: [row[name] for row, _ in seen] for name in ("brightness", "contrast", "sharpness", "overexposed")}
    of_image["megapixels"] = [truth.frame.width * truth.frame.height / 1e6 for truth in truths]
    of_landmark = {name: [row[name] for _, row in seen] for name in OF_LANDMARK}
    return Factors(
        line=line,
        of_image={name: tuple(map(_rounded, values)) for name, values in (of_image | posed).items()},
        of_landmark={name: tuple(tuple(map(_rounded, row)) for row in rows) for name, rows in of_landmark.items()},
        missed=tuple(
            tuple((truth.defined & (answer.status == 0)).tolist())
            for truth, answer in zip(truths, predictions, strict=True)
        ),
    )


def image_factors(
    pixels: np.ndarray, truth: Landmarks, lit_field: bool = False
) -> tuple[dict[str, float], dict[str, FloatArray]]:
    """Factors that one image and its true points show, of the image and (K,) of each landmark.

    Args:
        pixels: (H, W, 1) grey or (H, W, 3) RGB stored numbers.
        truth: landmarks of the image.
        lit_field: as for :func:`measure_factors`.
    """
    grey, scale = _grey_copy(pixels)
    height, width = grey.shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    field = find_visible_field(torch.from_numpy(grey)[None]) if lit_field else None
    lit = np.ones(grey.shape, dtype=bool) if field is None else np.asarray(field.depth(x, y) > 0)
    fine, middle, coarse = (_blurred(grey, lit, share * max(width, height)) for share in (FINE, MIDDLE, COARSE))
    structure, level = fine - coarse, max(float(grey[lit].mean()), 1 / 255)
    rms = float(np.sqrt(np.square(structure[lit]).mean()))
    detail = float(np.sqrt(np.square((fine - middle)[lit]).mean()))
    white = grey >= WHITE
    of_image = {
        "brightness": float(grey[lit].mean()),
        "contrast": rms / level,
        "sharpness": detail / rms if rms > 1e-9 else math.nan,
        "overexposed": float(white[lit].mean()),
    }
    # centres of pixels: x' + 0.5 = (x + 0.5) * scale
    points = (truth.points + 0.5) * scale - 0.5
    of_landmark = {name: np.full(len(truth), np.nan) for name in OF_LANDMARK}
    for k in np.flatnonzero(truth.defined):
        px, py = points[k]
        if field is None:
            edge = min(px, py, width - 1 - px, height - 1 - py) + 0.5
            of_landmark["border"][k] = edge / min(width, height)
        else:
            of_landmark["border"][k] = field.depth(px, py) / min(field.region.width, field.region.height)
        near = lit & (np.hypot(x - px, y - py) <= max(AROUND * max(width, height), 1.0))
        if near.any():
            of_landmark["landmark_brightness"][k] = grey[near].mean() / level
            of_landmark["landmark_contrast"][k] = np.sqrt(np.square(structure[near]).mean()) / level
            of_landmark["landmark_overexposed"][k] = white[near].mean()
    return of_image, of_landmark


def _grey_copy(pixels: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """(h, w) values in [0, 1] and the (x, y) scale: bytes by their range, other values by their percentiles."""
    values = pixels.astype(np.float64)
    grey = values[..., 0] if values.shape[-1] == 1 else values @ (np.array(LUMA_THOUSANDTHS) / 1000)
    if pixels.dtype == np.uint8:
        grey = grey / 255
    else:
        finite = grey[np.isfinite(grey)]
        low, high = np.percentile(finite, WINDOW_PERCENTILES) if finite.size else (0.0, 0.0)
        grey = np.nan_to_num(((grey - low) / (high - low)).clip(0, 1)) if high > low else np.full_like(grey, 0.5)
    height, width = grey.shape
    scale = min(1.0, SIDE / max(width, height))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    if small != (width, height):
        copy = Image.fromarray(grey.astype(np.float32)).resize(small, Image.Resampling.BOX)
        grey = np.asarray(copy, dtype=np.float64).clip(0, 1)
    return grey, np.array([small[0] / width, small[1] / height])


def _blurred(grey: FloatArray, lit: np.ndarray, sigma: float) -> FloatArray:
    """Gaussian mean of the lit pixels alone."""
    weight = ndimage.gaussian_filter(lit.astype(np.float64), sigma, mode="constant")
    total = ndimage.gaussian_filter(np.where(lit, grey, 0.0), sigma, mode="constant")
    return np.asarray(np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-9))


def _pose(truths: Sequence[Landmarks]) -> tuple[tuple[str, str] | None, dict[str, list[float]]]:
    """Two landmarks far apart along x, and the order, tilt and length of the line between them."""
    names = truths[0].names
    if len(names) < 2:
        return None, {}
    points = np.stack([np.where(truth.defined[:, None], truth.points, np.nan) for truth in truths])
    spans = {}
    for a, b in combinations(range(len(names)), 2):
        apart = np.abs(points[:, b, 0] - points[:, a, 0])
        measured = apart[~np.isnan(apart)]
        spans[a, b] = (len(measured) * 2 > len(truths), float(np.median(measured)) if len(measured) else 0.0)
    a, b = max(spans, key=lambda pair: spans[pair])
    dx, dy = (points[:, b] - points[:, a]).T
    angle = np.degrees(np.arctan2(dy, np.abs(dx)))  # the same for an image and its mirror image
    tilt = np.abs(angle - np.nanmedian(angle)) if not np.isnan(angle).all() else angle
    diagonal = np.array([math.hypot(*truth.frame.size) for truth in truths])
    order = np.where(np.isnan(dx), np.nan, np.where(dx > 0, -1.0, 1.0))
    posed = {"order": order, "tilt": tilt, "extent": np.hypot(dx, dy) / diagonal}
    return (names[a], names[b]), {name: values.tolist() for name, values in posed.items()}


def _rounded(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")
