"""The lit circle of a fundus photograph: cameras differ in how much black they leave around it, or cut it off."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from scipy import optimize
from torch.nn import functional as F

from monai_ext.landmarks import FloatArray, scale_matrix, transform_points

from .affine import Region
from .lit_rim import contrasts, lit_reach, rim_points, surround_share
from .visible_field import VisibleField

#: The circle is sought in an image of at most this many pixels along its longer side.
SEARCH_SIZE = 320
#: Rim pixels that count as on the circle lie this close to it, as a share of its radius.
RIM_TOLERANCE = 0.02
#: Least share of the rim pixels on the circle, and least part of a full turn that they cover.
RIM_SHARE, RIM_TURN = 0.6, 0.15

#: A circle is cut where the lit part reaches less far than this share of its radius.
CUT = 0.97
#: Least share of what lies outside the circle that is surround.
SURROUND_SHARE = 0.85


class Circle(NamedTuple):
    """A circle in pixels (x, y) of an image; it may reach beyond the image."""

    x: float
    y: float
    radius: float


def find_field_of_view(image: torch.Tensor) -> Circle | None:
    """The circle that bounds the lit part of a fundus photograph.

    The lit part is what differs from the surround, which is dark or of another colour that a corner of the image has.
    Its outer rim, where it is neither the border of the image nor cut straight, is fitted with a circle by robust least
    squares, so that a notch, a label or a reflex outside does not move it.

    Args:
        image: (C, H, W), any range of values.

    Returns:
        The circle in pixels of the image, or None if no surround shows or its edge is no circle: the image is then
        best taken whole.
    """
    field = find_visible_field(image)
    return None if field is None else Circle(field.x, field.y, field.radius)


def find_visible_field(image: torch.Tensor) -> VisibleField | None:
    """The circle of :func:`find_field_of_view`, with the straight cuts of the camera where it has some.

    Args:
        image: (C, H, W), any range of values.
    """
    picture = image.float()
    height, width = picture.shape[-2:]
    scale = min(1.0, SEARCH_SIZE / max(width, height))
    small_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    if small_wh != (width, height):
        picture = F.interpolate(picture[None], size=small_wh[::-1], mode="area")[0]
    for light in contrasts(picture.cpu().numpy()):
        rim = rim_points(light)
        circle = None if len(rim) < SEARCH_SIZE // 8 else _fit(rim, float(max(small_wh)))
        if circle is not None and surround_share(light, *circle) >= SURROUND_SHARE:
            back = np.linalg.inv(scale_matrix(small_wh[0] / width, small_wh[1] / height))
            x, y = transform_points(back, np.array([[circle.x, circle.y]]))[0]
            wide, high = (
                reach * size if reach < CUT * circle.radius else np.inf
                for reach, size in zip(lit_reach(light, circle.x, circle.y), (back[0, 0], back[1, 1]), strict=True)
            )
            radius = circle.radius * np.sqrt(back[0, 0] * back[1, 1])
            return VisibleField(float(x), float(y), float(radius), float(wide), float(high))
    return None


def _fit(rim: FloatArray, size: float) -> Circle | None:
    """The circle through most rim points, or None if they do not lie on one."""
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
        field_key: where the :class:`~monai_ext.transforms.visible_field.VisibleField` is put, None if there is none.
        allow_missing_keys: whether a sample may lack the image.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        region_key: str = "region",
        allow_missing_keys: bool = False,
        field_key: str = "field",
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(self.keys) != 1:
            raise ValueError(f"FieldOfViewd needs one image, not the keys {self.keys}.")
        self.region_key, self.field_key = region_key, field_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        for key in self.key_iterator(sample):
            image = sample[key]
            field = find_visible_field(torch.as_tensor(image).as_subclass(torch.Tensor))
            whole = Region.of_image(int(image.shape[-1]), int(image.shape[-2]))
            sample[self.region_key] = whole if field is None else field.region
            sample[self.field_key] = field
        return sample
