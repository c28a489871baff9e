"""Millimetres per pixel from a line of known length, and which pixel sizes can be true."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from monai_ext.landmarks import Frame, InputError

#: Smallest pixel, in millimetres: a camera, a scanner or an OCT resolves no finer on a patient.
SMALLEST_MM = 0.001
#: Largest pixel, in millimetres: a whole person is then 180 pixels tall; on coarser ones no landmark can be placed.
LARGEST_MM = 10.0
#: Shortest line, in pixels: each end is placed to about half a pixel, so that a shorter line errs by more than a tenth.
SHORTEST_LINE_PX = 10.0
#: A stated size and a line agree where they differ by less than this share: one was written with fewer digits.
SAME_SIZE = 1e-3

Line = tuple[tuple[float, float], tuple[float, float]]


def check_pixel_size(mm_per_px: Sequence[float], what: str = "The stated mm_per_px") -> tuple[float, float]:
    """Millimetres per pixel along (x, y), as they were stated.

    Args:
        mm_per_px: two numbers.
        what: names them in messages.

    Raises:
        InputError: one is not finite, or outside :data:`SMALLEST_MM` to :data:`LARGEST_MM`.
    """
    x, y = (float(value) for value in mm_per_px)
    for value in (x, y):
        if not (math.isfinite(value) and SMALLEST_MM <= value <= LARGEST_MM):
            raise InputError(
                f"{what}: a pixel of {value:g} mm is not plausible; a pixel has {SMALLEST_MM:g} to {LARGEST_MM:g} mm: "
                "check the length and its unit."
            )
    return x, y


def size_from_line(line: Line, length_mm: float, frame: Frame) -> tuple[float, float]:
    """Millimetres per pixel along (x, y), so that a line on an image has a length.

    Pixels are square; where the file states a pixel size, the ratio of its two sides is kept.

    Args:
        line: two pixel points (x, y).
        length_mm: in millimetres.
        frame: of the image, with the pixel size that its file states, if any.

    Raises:
        InputError: the length is no positive number, the line is too short or leaves the image, or the pixel size
            that follows cannot be true.

    Examples:
        >>> size_from_line(((0.0, 0.0), (200.0, 0.0)), 50.0, Frame(640, 480))
        (0.25, 0.25)
    """
    if not (math.isfinite(length_mm) and length_mm > 0):
        raise InputError(f"The length_mm must be a length in millimetres above 0, not {length_mm:g}.")
    ends = np.asarray(line, dtype=np.float64)
    if not np.isfinite(ends).all():
        raise InputError(f"The line must be two points [x, y] in pixels, not {ends.tolist()}.")
    for end, inside in zip(ends.tolist(), frame.contains(ends).tolist(), strict=True):
        if not inside:
            raise InputError(
                f"The line ends at ({end[0]:g}, {end[1]:g}), outside the image of {frame.width} x {frame.height} "
                "pixels: draw it on the image."
            )
    pixels = float(np.linalg.norm(ends[1] - ends[0]))
    if pixels < SHORTEST_LINE_PX:
        raise InputError(
            f"The line is {pixels:.3g} px long; draw one of at least {SHORTEST_LINE_PX:g} px, because a shorter "
            "one gives no reliable pixel size."
        )
    factor = length_mm / float(frame.distance(ends[0], ends[1]))
    x, y = frame.scale.tolist()
    return check_pixel_size((x * factor, y * factor), f"A line of {pixels:.4g} px and {length_mm:g} mm")
