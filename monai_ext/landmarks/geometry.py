"""Pixel and world frames: the only place where an axis is flipped, swapped or scaled.

Conventions (used everywhere else without comment):

- A pixel point is ``(x, y)`` = (column, row); ``(0, 0)`` is the CENTRE of the top-left pixel.
- The world is LPS millimetres, as in ITK and in Slicer markups files. RAS appears only at Slicer's scene.
- A pixel map is a 3 x 3 homogeneous matrix acting on ``(x, y, 1)``; pixel centres scale as
  ``x' = (x + 0.5) * s - 0.5`` (``align_corners=False``).

Two things are never mixed. *Placement* is the pixel-to-LPS map that ITK (hence 3D Slicer) reads from the file.
*Calibration* is the real size of a pixel in millimetres; it may be unknown, and then lengths are in pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError

FloatArray = NDArray[np.float64]
Unit = Literal["px", "mm"]

#: Largest accepted distance of a world point from the image plane, in millimetres or pixels, whichever is larger.
OFF_PLANE_TOLERANCE = 1.0


def _default_placement() -> FloatArray:
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])


@dataclass(frozen=True, eq=False)
class Frame:
    """Placement and pixel size of one 2D image.

    Args:
        width: number of columns.
        height: number of rows.
        placement: (3, 3) matrix; ``placement @ (x, y, 1)`` is the LPS position of a pixel centre in mm.
        spacing: calibration, millimetres per pixel along (x, y); None if the real size is unknown.
        spacing_source: where the calibration was read, e.g. ``"DICOM PixelSpacing"``; ``"none"`` without one.

    Raises:
        InputError: a size below 1, a singular or non-finite placement, a spacing that is not positive.

    Examples:
        >>> frame = Frame(width=640, height=480, spacing=(0.1, 0.2), spacing_source="NRRD")
        >>> float(frame.distance([0, 0], [30, 20])), frame.unit
        (5.0, 'mm')
    """

    width: int
    height: int
    placement: FloatArray = field(default_factory=_default_placement)
    spacing: tuple[float, float] | None = None
    spacing_source: str = "none"
    ndim: ClassVar[int] = 0  #: MONAI's ``decollate_batch`` takes what has no axes as one :meth:`item`

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise InputError(f"An image must have at least one pixel, not {self.width} x {self.height}.")
        placement = np.array(self.placement, dtype=np.float64)
        if placement.shape != (3, 3) or not np.isfinite(placement).all():
            raise InputError(f"A placement must be a finite 3 x 3 matrix, not {np.asarray(self.placement).tolist()}.")
        if np.linalg.matrix_rank(placement[:, :2]) < 2:
            raise InputError(f"The image axes of the placement are not independent: {placement[:, :2].tolist()}.")
        placement.setflags(write=False)
        object.__setattr__(self, "placement", placement)
        if self.spacing is not None:
            spacing = (float(self.spacing[0]), float(self.spacing[1]))
            if len(self.spacing) != 2 or not all(math.isfinite(s) and s > 0 for s in spacing):
                raise InputError(f"A pixel spacing must be two positive numbers in mm, not {self.spacing}.")
            object.__setattr__(self, "spacing", spacing)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made by the constructor: numpy's would have a placement that can be written to."""
        return type(self), (self.width, self.height, self.placement, self.spacing, self.spacing_source)

    def item(self) -> Frame:
        """The frame itself, whole, where MONAI takes a batch apart."""
        return self

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

    @property
    def unit(self) -> Unit:
        """The unit of lengths in this frame: "mm" where calibrated, else "px"."""
        return "px" if self.spacing is None else "mm"

    @property
    def scale(self) -> FloatArray:
        """(2,) length of one pixel along (x, y) in :attr:`unit`."""
        return np.array(self.spacing if self.spacing is not None else (1.0, 1.0))

    def to_lps(self, points: ArrayLike) -> FloatArray:
        """(..., 2) pixels to (..., 3) LPS millimetres."""
        points = np.asarray(points, dtype=np.float64)
        return points @ self.placement[:, :2].T + self.placement[:, 2]

    def from_lps(self, positions: ArrayLike) -> FloatArray:
        """(..., 3) LPS millimetres to (..., 2) pixels; NaN positions stay NaN.

        Raises:
            InputError: a position lies off the image plane by more than one millimetre and one pixel.
        """
        positions = np.asarray(positions, dtype=np.float64)
        axes = self.placement[:, :2]
        offset = positions - self.placement[:, 2]
        points = offset @ np.linalg.pinv(axes).T
        off_plane = np.linalg.norm(offset - points @ axes.T, axis=-1)
        tolerance = max(OFF_PLANE_TOLERANCE, float(np.linalg.norm(axes, axis=0).max()))
        if np.any(off_plane > tolerance):
            worst = positions.reshape(-1, 3)[int(np.nanargmax(off_plane))].tolist()
            raise InputError(
                f"The position {worst} lies {np.nanmax(off_plane):.1f} mm off the image plane: "
                "check that the markups belong to this image."
            )
        return points

    def distance(self, a: ArrayLike, b: ArrayLike) -> FloatArray:
        """(...) Euclidean distance between pixel points (..., 2), in :attr:`unit`."""
        delta = (np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)) * self.scale
        return np.linalg.norm(delta, axis=-1)

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """(...) whether pixel points (..., 2) lie on the image, its outer pixel edges included."""
        points = np.asarray(points, dtype=np.float64)
        return ((points >= -0.5) & (points <= np.array(self.size) - 0.5)).all(axis=-1)


def flip_lps_ras(positions: ArrayLike) -> FloatArray:
    """(..., 3) LPS to RAS, or RAS to LPS: the same change of sign."""
    return np.asarray(positions, dtype=np.float64) * np.array([-1.0, -1.0, 1.0])


def transform_points(matrix: Any, points: Any) -> Any:
    """Applies a (3, 3) pixel map to (..., 2) points; numpy arrays or torch tensors of one kind.

    A batch of maps (B, 3, 3) applies to points (B, N, 2).
    """
    linear, offset = matrix[..., :2, :2], matrix[..., :2, 2]
    if matrix.ndim == 3:
        return points @ linear.swapaxes(-1, -2) + offset[:, None, :]
    return points @ linear.T + offset


def translation_matrix(x: float, y: float) -> FloatArray:
    """Pixel map that adds (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def scale_matrix(sx: float, sy: float) -> FloatArray:
    """Pixel map of a resize by (sx, sy) about the image's top-left EDGE: ``x' = (x + 0.5) * sx - 0.5``."""
    return np.array([[sx, 0.0, 0.5 * sx - 0.5], [0.0, sy, 0.5 * sy - 0.5], [0.0, 0.0, 1.0]])


def flip_matrix(width: int) -> FloatArray:
    """Pixel map of a horizontal flip of an image of that width."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def rotation_matrix(degrees: float) -> FloatArray:
    """Pixel map that turns about (0, 0); positive is clockwise on the screen (from x towards y)."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def fit_matrix(
    source: tuple[float, float], target: tuple[int, int], window: tuple[int, int] | None = None
) -> FloatArray:
    """Pixel map that scales a (width, height) image uniformly into another size, centred, aspect kept.

    With ``window`` the result is the centre of ``target``, (width, height) = ``window`` large.
    """
    scale = min(target[0] / source[0], target[1] / source[1])
    margin = [(t - s * scale) / 2 for s, t in zip(source, window or target, strict=True)]
    return translation_matrix(*margin) @ scale_matrix(scale, scale)


def about(center: tuple[float, float], matrix: FloatArray) -> FloatArray:
    """The map ``matrix`` with its fixed origin moved to ``center`` (x, y)."""
    return translation_matrix(*center) @ matrix @ translation_matrix(-center[0], -center[1])
