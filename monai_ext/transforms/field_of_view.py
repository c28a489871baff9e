"""The lit circle of a fundus photograph: cameras differ in how much black they leave around it, or cut it off."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from scipy import ndimage, optimize
from torch.nn import functional as F

from monai_ext.landmarks.geometry import FloatArray, scale_matrix, transform_points

from .region import Region

#: The circle is sought in an image of at most this many pixels along its longer side.
SEARCH_SIZE = 320
#: A pixel is lit above this share of the way from the darkest corner to the middle of the image.
LIT_SHARE = 0.15
#: Pixels to either side of where the lit part begins that its edge is sought in.
EDGE = 3
#: Rim pixels that count as on the circle lie this close to it, as a share of its radius.
RIM_TOLERANCE = 0.02
#: Least share of the rim pixels on the circle, and least part of a full turn that they cover.
RIM_SHARE, RIM_TURN = 0.6, 0.15


class Circle(NamedTuple):
    """A circle in pixels (x, y) of an image; it may reach beyond the image."""

    x: float
    y: float
    radius: float


def find_field_of_view(image: torch.Tensor) -> Circle | None:
    """The circle that bounds the lit part of a fundus photograph.

    The lit part is what is brighter than the dark surround; its outer rim, where it is not the border of the image, is
    fitted with a circle by robust least squares, so that a notch, a label or a reflex outside does not move it.

    Args:
        image: (C, H, W), any range of values.

    Returns:
        The circle in pixels of the image, or None where no dark surround shows or its edge is no circle: the image is
        then best taken whole.
    """
    light = image.float().amax(dim=0)
    height, width = light.shape
    scale = min(1.0, SEARCH_SIZE / max(width, height))
    small_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    if small_wh != (width, height):
        light = F.interpolate(light[None, None], size=small_wh[::-1], mode="area")[0, 0]
    rim = _rim(light.cpu().numpy())
    circle = None if len(rim) < SEARCH_SIZE // 8 else _fit(rim, float(max(small_wh)))
    if circle is None:
        return None
    back = np.linalg.inv(scale_matrix(small_wh[0] / width, small_wh[1] / height))
    x, y = transform_points(back, np.array([[circle.x, circle.y]]))[0]
    return Circle(float(x), float(y), float(circle.radius * np.sqrt(back[0, 0] * back[1, 1])))


def _dark_and_level(light: FloatArray) -> tuple[float, float]:
    """The value of the surround, and the value above which a pixel is lit."""
    height, width = light.shape
    corner = max(2, min(height, width) // 20)
    ends = (slice(corner), slice(-corner, None))
    dark = min(float(np.median(light[y, x])) for y in ends for x in ends)
    middle = light[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None]
    return dark, dark + LIT_SHARE * (float(np.median(middle)) - dark)


def _lit(light: FloatArray, level: float) -> np.ndarray:
    """The largest lit part, (H, W) bool, without holes."""
    lit = ndimage.binary_opening(light > level, iterations=2)
    parts, count = ndimage.label(lit)
    if count == 0:
        return np.zeros_like(lit)
    largest = 1 + int(np.argmax(ndimage.sum_labels(lit, parts, np.arange(1, count + 1))))
    return np.asarray(ndimage.binary_fill_holes(parts == largest))


def _rim(light: FloatArray) -> FloatArray:
    """(N, 2) places (x, y) where rows and columns enter and leave the lit part, but not the image's own border."""
    dark, level = _dark_and_level(light)
    lit = _lit(light, level)
    views = ((light, lit), (light[:, ::-1], lit[:, ::-1]), (light.T, lit.T), (light.T[:, ::-1], lit.T[:, ::-1]))
    (left, rows), (right, rows_too), (top, columns), (bottom, columns_too) = (_entries(*v, dark) for v in views)
    right, bottom = light.shape[1] - 1 - right, light.shape[0] - 1 - bottom
    x = np.concatenate([left, right, columns, columns_too])
    y = np.concatenate([rows, rows_too, top, bottom])
    return np.stack([x, y], axis=1)


def _entries(light: FloatArray, lit: np.ndarray, dark: float) -> tuple[FloatArray, FloatArray]:
    """Where rows enter the lit part: the place along each, between two pixels, and the numbers of the rows.

    A row enters where its light passes half of what it is a few pixels further in, as a person sees an edge.
    """
    rows = np.flatnonzero(lit.any(axis=1))
    first = lit[rows].argmax(axis=1)
    rows, first = rows[first > EDGE], first[first > EDGE]
    columns = np.minimum(first[:, None] + np.arange(-EDGE, EDGE + 1), light.shape[1] - 1)
    profile = np.maximum.accumulate(light[rows[:, None], columns].astype(np.float64), axis=1)
    half = (dark + profile[:, -1:]) / 2
    after = np.maximum((profile < half).sum(axis=1), 1)
    here = np.arange(len(rows))
    low, high = profile[here, after - 1], profile[here, after]
    part = np.clip((half[:, 0] - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    return first - EDGE + after - 1 + part, rows.astype(np.float64)


def _fit(rim: FloatArray, size: float) -> Circle | None:
    """The circle through most rim points, or None where they do not lie on one."""
    # x^2 + y^2 = 2 a x + 2 b y + c, linear in the unknowns, is the start
    design = np.column_stack([2 * rim, np.ones(len(rim))])
    a, b, c = np.linalg.lstsq(design, (rim**2).sum(axis=1), rcond=None)[0]
    start = np.array([a, b, np.sqrt(max(c + a * a + b * b, 1.0))])

    def distances(circle: FloatArray) -> FloatArray:
        return np.asarray(np.hypot(rim[:, 0] - circle[0], rim[:, 1] - circle[1]) - circle[2])

    solved = optimize.least_squares(distances, start, loss="cauchy", f_scale=0.005 * size, max_nfev=200)
    x, y, radius = (float(value) for value in solved.x)
    near = np.abs(distances(solved.x)) <= RIM_TOLERANCE * radius
    if not 0.2 * size <= radius <= 2.0 * size or near.mean() < RIM_SHARE:
        return None
    angles = np.arctan2(rim[near, 1] - y, rim[near, 0] - x)
    turn = len(np.unique(np.floor(angles / (2 * np.pi) * 72))) / 72
    return Circle(x, y, radius) if turn >= RIM_TURN else None


class FieldOfViewd(MapTransform):
    """Finds the region that the lit circle of a fundus photograph fills; a later fit scales it into the network input.

    Args:
        keys: one image, (C, H, W).
        region_key: where the :class:`Region` is put: the square around the circle, or the whole image where there is
            none.
        allow_missing_keys: whether a sample may lack the image.
    """

    def __init__(
        self, keys: KeysCollection = "image", region_key: str = "region", allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(self.keys) != 1:
            raise ValueError(f"FieldOfViewd looks at one image, not at the keys {self.keys}.")
        self.region_key = region_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key in self.key_iterator(sample):
            image = sample[key]
            circle = find_field_of_view(torch.as_tensor(image).as_subclass(torch.Tensor))
            whole = Region.of_image(int(image.shape[-1]), int(image.shape[-2]))
            sample[self.region_key] = whole if circle is None else Region.around(*circle)
        return sample
