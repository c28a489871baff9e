"""The view of another camera of the same retina: a part of the photograph, its outline, its border and its size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from monai_ext.landmarks import FloatArray, rotation_matrix, transform_points, translation_matrix
from monai_ext.transforms import Circle

#: Outlines of the lit part: a whole circle, cut above and below, cut on all four sides, or an image without a border.
#: Training cuts circles above and below alone, and within other limits.
Outline = Literal["circle", "band", "barrel", "rectangle"]
OUTLINES: tuple[Outline, ...] = ("circle", "band", "barrel", "rectangle")
#: Landmarks keep this distance from the outline, as a share of the view's radius.
MARGIN = 0.06
#: Views that are drawn before the whole photograph is taken as it is.
TRIES = 400
#: Radius of the view as a share of that of the photograph's circle.
RADIUS = (0.62, 0.92)
#: Diameter of the view in pixels of the new image.
DIAMETER = (360.0, 1100.0)
#: Largest turn, degrees.
ANGLE = 8.0
#: Largest border on each side, as a share of the view's radius.
BORDER = 0.4
#: Smallest part of a photograph without a circle that is kept, per side.
KEPT_SIDE = 0.8


@dataclass(frozen=True)
class CameraView:
    """The part of a photograph that is seen.

    Args:
        outline: its form.
        center: (x, y) pixels of the photograph.
        half: half of its width and height in pixels of the photograph; it ends at the circle before that.
        radius: of the circle that bounds it, pixels of the photograph; infinite for a rectangle.
    """

    outline: Outline
    center: tuple[float, float]
    half: tuple[float, float]
    radius: float

    def distance(self, points: FloatArray) -> FloatArray:
        """(...) how far points (..., 2) of the photograph lie within the outline; negative outside."""
        away = np.asarray(points, dtype=np.float64) - np.asarray(self.center)
        straight = (np.asarray(self.half) - np.abs(away)).min(axis=-1)
        return np.asarray(np.minimum(straight, self.radius - np.linalg.norm(away, axis=-1)))

    def is_within(self, size_wh: tuple[int, int]) -> bool:
        """True where all of it lies on the photograph."""
        low, high = np.array(self.center) - self.half, np.array(self.center) + self.half
        return bool((low >= -0.5).all() and (high <= np.array(size_wh) - 0.5).all())


def draw_view(
    rng: np.random.Generator, size_wh: tuple[int, int], circle: Circle | None, points: FloatArray
) -> CameraView:
    """A view that holds all points with a margin; the whole of the photograph where none of many does.

    Args:
        rng: source of chance.
        size_wh: of the photograph, pixels.
        circle: its lit circle, or None if it shows none.
        points: (N, 2) pixels that are seen in the photograph.
    """
    for _ in range(TRIES):
        view = _draw_rectangle(rng, size_wh) if circle is None else _draw_in_circle(rng, circle)
        scale = min(view.radius, max(view.half))
        if not view.is_within(size_wh):
            continue
        if not len(points) or view.distance(points).min() >= MARGIN * scale:
            return view
    width, height = size_wh
    whole = ((width - 1) / 2, (height - 1) / 2), (width / 2, height / 2)
    if circle is None:
        return CameraView("rectangle", *whole, math.inf)
    return CameraView("circle", (circle.x, circle.y), (circle.radius, circle.radius), circle.radius)


def _draw_in_circle(rng: np.random.Generator, circle: Circle) -> CameraView:
    outline = OUTLINES[rng.integers(len(OUTLINES))]
    radius = circle.radius * rng.uniform(*RADIUS)
    away, turn = (circle.radius - radius) * math.sqrt(rng.uniform()), rng.uniform(0, 2 * math.pi)
    center = (circle.x + away * math.cos(turn), circle.y + away * math.sin(turn))
    wide, high = {
        "circle": (1.0, 1.0),
        "band": (1.0, rng.uniform(0.7, 0.92)),
        "barrel": (rng.uniform(0.8, 0.95), rng.uniform(0.7, 0.9)),
        "rectangle": (0.0, 0.0),
    }[outline]
    if outline == "rectangle":
        diagonal = math.radians(rng.uniform(33.0, 48.0))
        wide, high = math.cos(diagonal), math.sin(diagonal)
    return CameraView(outline, center, (wide * radius, high * radius), radius if outline != "rectangle" else math.inf)


def _draw_rectangle(rng: np.random.Generator, size_wh: tuple[int, int]) -> CameraView:
    size = np.array(size_wh, dtype=np.float64)
    kept = size * rng.uniform(KEPT_SIDE, 1.0)
    left = rng.uniform(size=2) * (size - kept)
    x, y = left + (kept - 1) / 2
    return CameraView("rectangle", (float(x), float(y)), (float(kept[0] / 2), float(kept[1] / 2)), math.inf)


@dataclass(frozen=True)
class Placing:
    """Place of a view in the new image.

    Args:
        size_wh: of the new image, pixels.
        matrix: (3, 3) map from pixels of the photograph to pixels of the new image.
        scale: new pixels per pixel of the photograph.
        flipped: whether it is mirrored left to right.
    """

    size_wh: tuple[int, int]
    matrix: FloatArray
    scale: float
    flipped: bool

    def middle(self, view: CameraView) -> tuple[float, float]:
        """(x, y) of the view's middle, new pixels."""
        x, y = transform_points(self.matrix, np.array(view.center))
        return float(x), float(y)

    def inside(self, view: CameraView) -> FloatArray:
        """(H, W) how far each new pixel lies within the view's outline, in new pixels; negative in the border.

        The outline stands upright in the new image, however the photograph was turned.
        """
        width, height = self.size_wh
        x, y = self.middle(view)
        grid = np.stack(np.meshgrid(np.arange(width) - x, np.arange(height) - y), axis=-1)
        half = (view.half[0] * self.scale, view.half[1] * self.scale)
        return CameraView(view.outline, (0.0, 0.0), half, view.radius * self.scale).distance(grid)


def draw_placing(rng: np.random.Generator, view: CameraView, *, turned: bool) -> Placing:
    """A size, a side, a small turn and borders for a view.

    Args:
        rng: source of chance.
        view: that is placed.
        turned: whether it may be turned; a view without a border may not, as corners from outside would show.
    """
    half = np.array(view.half)
    scale = rng.uniform(*DIAMETER) / (2 * min(view.radius, float(half.max())))
    angle = rng.uniform(-ANGLE, ANGLE) if turned else 0.0
    left, top, right, bottom = np.zeros(4) if view.outline == "rectangle" else rng.uniform(0, BORDER, 4)
    reach = min(view.radius, float(half.max()))
    size = (2 * half + reach * np.array([left + right, top + bottom])) * scale
    width, height = (max(8, round(float(side))) for side in size)
    middle = (half + reach * np.array([left, top])) * scale - 0.5
    flipped = bool(rng.uniform() < 0.5)
    mirror = np.diag([-1.0 if flipped else 1.0, 1.0, 1.0])
    matrix = (
        translation_matrix(float(middle[0]), float(middle[1]))
        @ rotation_matrix(angle)
        @ np.diag([scale, scale, 1.0])
        @ mirror
        @ translation_matrix(-view.center[0], -view.center[1])
    )
    return Placing((width, height), matrix, float(scale), flipped)
