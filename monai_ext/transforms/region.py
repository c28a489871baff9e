"""The part of an image that is fitted into the network input."""

from __future__ import annotations

from typing import NamedTuple

from monai_ext.landmarks.geometry import FloatArray, translation_matrix


class Region(NamedTuple):
    """A part of an image, or beyond it: its left and top edge and its size, pixels; edges lie at whole numbers - 0.5.

    Attributes:
        left, top: where the region begins; -0.5 is the outer edge of the first pixel.
        width, height: of the region.
    """

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of_image(cls, width: int, height: int) -> Region:
        """The whole image."""
        return cls(-0.5, -0.5, float(width), float(height))

    @classmethod
    def around(cls, x: float, y: float, radius: float) -> Region:
        """The square that a circle touches from within."""
        return cls(x - radius, y - radius, 2 * radius, 2 * radius)

    @property
    def matrix(self) -> FloatArray:
        """(3, 3) map from pixels of the image to pixels of the region."""
        return translation_matrix(-(self.left + 0.5), -(self.top + 0.5))
