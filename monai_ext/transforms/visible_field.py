"""The part of a fundus photograph that a camera shows, and what is drawn around it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable

from monai_ext.landmarks.geometry import FloatArray

from .region import Region


@dataclass(frozen=True)
class VisibleField:
    """A circle, a circle that is cut straight above and below, or a rectangle.

    Args:
        x, y: its middle, pixels of the image.
        radius: of the circle; infinite for a rectangle.
        half_width, half_height: where it is cut; infinite where it is not.
    """

    x: float
    y: float
    radius: float
    half_width: float = np.inf
    half_height: float = np.inf

    @property
    def region(self) -> Region:
        """What is fitted into the network input: the square around a circle, cut or not, or the rectangle."""
        wide, high = (self.radius, self.radius) if np.isfinite(self.radius) else (self.half_width, self.half_height)
        return Region(self.x - wide, self.y - high, 2 * wide, 2 * high)

    def depth(self, x: Any, y: Any) -> Any:
        """How far places lie within the outline, pixels; negative outside. Arrays or tensors of one shape."""
        x, y = abs(x - self.x), abs(y - self.y)
        library = torch if isinstance(x, torch.Tensor) else np
        found = self.radius - library.sqrt(x * x + y * y)
        for half, away in ((self.half_width, x), (self.half_height, y)):
            found = library.minimum(found, half - away) if np.isfinite(half) else found
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
            raise ValueError(f"The brightest surround is in [0, 1], not {border}.")
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
