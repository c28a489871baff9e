"""One synthetic image with the landmarks that it was drawn around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monai_ext.landmarks import FloatArray, Frame, Landmarks, Status

#: Protocols that sample data can be made for, and those that example pictures of landmarks can be drawn for.
SAMPLE_PROTOCOLS = ("fundus", "scleral_spur", "face")
PICTURED_PROTOCOLS = (*SAMPLE_PROTOCOLS, "cephalometric")


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic image and its exact landmarks.

    Args:
        image: uint8, (H, W) grey or (H, W, 3) RGB.
        names: K landmark names in protocol order.
        points: (K, 2) pixel points (x, y), sub-pixel exact; (0, 0) = centre of the top-left pixel. NaN where a landmark
            lies outside the image: it is missing.
    """

    image: NDArray[np.uint8]
    names: tuple[str, ...]
    points: FloatArray

    @property
    def landmarks(self) -> Landmarks:
        """The landmarks in the frame of the image as a plain PNG file: no calibration, lengths in pixels."""
        height, width = self.image.shape[:2]
        inside = np.isfinite(self.points).all(axis=1)
        status = np.where(inside, Status.DEFINED, Status.MISSING).astype(np.int8)
        return Landmarks(self.names, self.points, Frame(width=width, height=height), status)


def to_uint8(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Intensities in [0, 1] to uint8, rounded and clipped."""
    return (np.clip(image, 0.0, 1.0) * np.float32(255.0) + np.float32(0.5)).astype(np.uint8)
