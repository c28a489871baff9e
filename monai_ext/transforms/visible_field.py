"""The part of a fundus photograph that a camera shows: its outline, random narrower ones, and what surrounds it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable

from monai_ext.landmarks import FloatArray, Status

from .affine import Region

#: Fields of one form that are drawn before the whole circle is kept.
TRIES = 64
#: Landmarks keep this distance from the outline, as a share of the circle's radius.
MARGIN = 0.05
#: A field that hides landmarks is narrowed by up to this share.
HIDING = 0.75
#: Share of the fields drawn to hide landmarks that one straight line cuts off, and where such lines run: from the
#: middle of the circle, in radii, negative where less than half stays.
STRAIGHT, LINES = 0.5, (-0.6, 0.8)
#: Half of the side of a square in a circle of radius 1.
IN_CIRCLE = 0.5**0.5


@dataclass(frozen=True)
class VisibleField:
    """A circle, a circle that is cut straight above and below, or a rectangle; or what one side of a line shows of it.

    Args:
        x, y: its middle, pixels of the image.
        radius: of the circle; infinite for a rectangle.
        half_width, half_height: where it is cut; infinite where it is not.
        line: (a, b, c) of a line whose side a x + b y < c is shown, (a, b) of length 1; None for both sides.
    """

    x: float
    y: float
    radius: float
    half_width: float = np.inf
    half_height: float = np.inf
    line: tuple[float, float, float] | None = None

    @property
    def region(self) -> Region:
        """The part that is fitted into the network input: the square around a circle, cut or not, or the rectangle."""
        wide, high = (self.radius, self.radius) if np.isfinite(self.radius) else (self.half_width, self.half_height)
        return Region(self.x - wide, self.y - high, 2 * wide, 2 * high)

    def depth(self, x: Any, y: Any) -> Any:
        """Depth of places within the outline, pixels; negative outside. Arrays or tensors of one shape."""
        across, down = abs(x - self.x), abs(y - self.y)
        library = torch if isinstance(x, torch.Tensor) else np
        found = self.radius - library.sqrt(across * across + down * down)
        for half, away in ((self.half_width, across), (self.half_height, down)):
            found = library.minimum(found, half - away) if np.isfinite(half) else found
        if self.line is not None:
            a, b, c = self.line
            found = library.minimum(found, c - (a * x + b * y))
        return found


class RandSurroundd(Randomizable, MapTransform):
    """Draws one colour over all that lies outside the visible field, so that no camera's border shows.

    Without a field in the sample the image stays as it is.

    Args:
        keys: images on the network input, values 0 for black.
        border: brightest surround, as a share of the image's highest value; each channel's is uniform in [0, border].
            Black where it is 0.
        field_key: the :class:`VisibleField` in pixels of the original image.
        matrix_key: the (3, 3) map from there to the network input.
        allow_missing_keys: whether a sample may lack an image.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        border: float = 0.0,
        field_key: str = "field",
        matrix_key: str = "matrix",
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        if not 0 <= border <= 1:
            raise ValueError(f"The brightest surround must be in [0, 1], not {border}.")
        self.border, self.field_key, self.matrix_key = border, field_key, matrix_key
        self._color: FloatArray = np.zeros(3)

    def randomize(self, data: Any = None) -> None:
        """Draws the colour of up to three channels."""
        self._color = self.border * self.R.uniform(size=3)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        if self.border:
            self.randomize()
        field: VisibleField | None = sample.get(self.field_key)
        if field is None:
            return sample
        for key in self.key_iterator(sample):
            sample[key] = self._drawn(sample[key], field, torch.as_tensor(sample[self.matrix_key]))
        return sample

    def _drawn(self, image: torch.Tensor, field: VisibleField, matrix: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[-2:]
        back = torch.linalg.inv(matrix.double()).float()
        column = torch.arange(width, dtype=torch.float32)
        row = torch.arange(height, dtype=torch.float32)[:, None]
        x, y = (a * column + (b * row + c) for a, b, c in back[:2])
        scale = matrix[:2, :2].det().abs().sqrt().float()
        inside = (field.depth(x, y) * scale + 0.5).clamp_(0, 1).to(image.device)
        color = torch.as_tensor(np.resize(self._color, len(image)), dtype=image.dtype, device=image.device)
        surround = color[:, None, None] * image.amax()
        return surround + (image - surround) * inside


class RandFieldOfViewd(Randomizable, MapTransform):
    """Narrows the visible field of a sample at random; pixels and points stay where they are.

    The new field is a circle within the old one (radius in [1 - f, 1] of its own, anywhere in it), in a third of the
    cases cut above and below (at [1 - f, 1] of the radius), in a sixth a square in that circle, as of a photograph
    without a border. Every landmark that the old field shows is kept, with a margin: where no draw does that, the field
    stays. A sample without a field stays as it is.

    With the probability ``hide`` the field is one that may hide landmarks instead, which are ``missing`` then, so that
    a network learns what a photograph without them looks like: one of them, alone where a field drawn does that, or
    all. Half of these fields are narrower ones (f = 0.75). The others are cut off by a straight line, upright or level
    in half of the cases, that may also hide none, so that a cut alone tells nothing; the circle keeps its place on the
    network input, as that of a photograph cut in two does.

    Args:
        keys: the image, which is not looked at.
        narrowing: f, in [0, 1).
        hide: probability of a field that may hide landmarks.
        field_key: the :class:`VisibleField`, pixels of the image.
        region_key: the :class:`~monai_ext.transforms.affine.Region` that follows it.
        points_key: (K, 2) pixels (x, y) of the image.
        status_key: (K,) codes of Status.
        allow_missing_keys: whether a sample may lack the image.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        narrowing: float = 0.3,
        hide: float = 0.0,
        field_key: str = "field",
        region_key: str = "region",
        points_key: str = "points",
        status_key: str = "status",
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        if not 0 <= narrowing < 1:
            raise ValueError(f"The narrowing of a field of view must be in [0, 1), not {narrowing}.")
        if not 0 <= hide <= 1:
            raise ValueError(f"The probability of hidden landmarks must be in [0, 1], not {hide}.")
        self.narrowing, self.hide = narrowing, hide
        self.field_key, self.region_key = field_key, region_key
        self.points_key, self.status_key = points_key, status_key
        self._form, self._drawn = 1.0, np.zeros((TRIES, 4))
        self._hiding, self._straight, self._wanted = False, False, 0.0

    def randomize(self, data: Any = None) -> None:
        """Draws a form, several fields and whether landmarks are hidden; always the same count of numbers."""
        self._form, self._drawn = self.R.uniform(), self.R.uniform(size=(TRIES, 4))
        if self.hide:
            hiding, straight, self._wanted = self.R.uniform(size=3).tolist()
            self._hiding, self._straight = hiding < self.hide, straight < STRAIGHT

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        self.randomize()
        whole: VisibleField | None = sample.get(self.field_key)
        if whole is None:
            return sample
        status = np.array(sample[self.status_key])
        points = np.asarray(sample[self.points_key], dtype=np.float64)
        shown = np.flatnonzero((status > 0) & (whole.depth(points[:, 0], points[:, 1]) > 0))
        field, depth = self._first_that_fits(whole, points[shown])
        if (depth < 0).any():
            status[shown[depth < 0]] = int(Status.MISSING)
            sample[self.status_key] = torch.as_tensor(status)
        sample[self.field_key], sample[self.region_key] = field, field.region
        return sample

    def _first_that_fits(self, whole: VisibleField, points: FloatArray) -> tuple[VisibleField, FloatArray]:
        """The first field drawn that shows and hides what it has to; with the depth of each landmark in it."""
        straight = self._hiding and self._straight
        wanted = int(self._wanted * (len(points) + 1 + straight)) if self._hiding else len(points) + 1
        hidden = np.full(len(points), wanted == len(points))  # all, or one, or none
        hidden[wanted : wanted + 1] = True
        found = whole, whole.depth(points[:, 0], points[:, 1])
        for random in self._drawn:
            field = _cut_off(whole, random) if straight else self._field(whole, random)
            depth = field.depth(points[:, 0], points[:, 1])
            if (np.abs(depth) < MARGIN * whole.radius).any():
                continue
            if ((depth < 0) == hidden).all():
                return field, depth
            if found[0] is whole and hidden.any() and (depth < 0)[hidden].all():
                found = field, depth  # hides others, too
        return found

    def _field(self, whole: VisibleField, random: FloatArray) -> VisibleField:
        """One field from four numbers in [0, 1)."""
        size, away, turn, cut = random
        narrowing = HIDING if self._hiding else self.narrowing
        radius = whole.radius * (1 - narrowing * size)
        reach = (whole.radius - radius) * np.sqrt(away)
        x, y = whole.x + reach * np.cos(2 * np.pi * turn), whole.y + reach * np.sin(2 * np.pi * turn)
        if self._form < 1 / 6:
            return VisibleField(x, y, np.inf, IN_CIRCLE * radius, IN_CIRCLE * radius)
        if self._form < 1 / 2:
            return VisibleField(x, y, radius, half_height=radius * (1 - narrowing * cut))
        return VisibleField(x, y, radius)


def _cut_off(whole: VisibleField, random: FloatArray) -> VisibleField:
    """A field that a line cuts, from four numbers in [0, 1)."""
    where, upright, turn, _ = random
    turn = np.floor(4 * turn) / 4 if upright < 0.5 else turn
    a, b = float(np.cos(2 * np.pi * turn)), float(np.sin(2 * np.pi * turn))
    away = whole.radius * (LINES[0] + (LINES[1] - LINES[0]) * where)
    return replace(whole, line=(a, b, float(a * whole.x + b * whole.y + away)))
