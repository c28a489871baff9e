"""The points of a table on the stored pixels of their image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from monai_ext.images import SAME_SIZE, check_pixel_size, upright_size, upright_to_stored
from monai_ext.landmarks import Frame, ImagePoints, InputError, Landmarks, PointsTable, Status, check_label

#: Which picture of an image with an EXIF orientation a table means: the turned one that most viewers show, or the
#: stored pixels.
ExifReading = Literal["upright", "stored"]


class Placed(NamedTuple):
    """The landmarks of an image.

    Args:
        landmarks: on its stored pixels.
        upright: whether they were mapped from the upright picture.
        mm_per_px: the size of a stored pixel along (x, y), where the table states one and the file does not.
    """

    landmarks: Landmarks
    upright: bool
    mm_per_px: tuple[float, float] | None = None

    @property
    def says_something(self) -> bool:
        """True if a landmark is defined or known to be missing."""
        return bool((self.landmarks.status != Status.UNDEFINED).any())


def place(
    name: str,
    entry: ImagePoints,
    frame: Frame,
    orientation: int,
    names: Sequence[str],
    exif: ExifReading | None = None,
) -> Placed:
    """The landmarks of one image of a table.

    Args:
        name: what the table calls the image, for messages.
        entry: its points and what else the table states of it.
        frame: of its stored pixels, with the pixel size that the file itself states.
        orientation: its EXIF orientation, 1 to 8 (see :mod:`monai_ext.images.exif`).
        names: the order of the result.
        exif: which picture the points are of; None takes it from the size that the table declares.

    Raises:
        InputError: the size that the table declares is not the image's, the orientation leaves open what the points
            mean, ``names`` lacks a landmark, a point lies far outside the image, or the file states another pixel size.
    """
    placed = any(point.status is Status.DEFINED for point in entry.points.values())
    turns = orientation != 1 and (placed or entry.size is not None)
    upright = turns and _is_of_upright(name, entry.size, placed, frame, orientation, exif)
    if upright:
        entry = _turned(entry, frame, orientation)
    landmarks = PointsTable(tuple(names), {name: entry}).landmarks(name, frame, names)
    found = Placed(landmarks, upright and placed, _pixel_size(name, entry.mm_per_px, frame))
    if placed:
        check_label(found.landmarks, name)
    return found


def _is_of_upright(
    name: str, size: tuple[int, int] | None, placed: bool, frame: Frame, orientation: int, exif: ExifReading | None
) -> bool:
    upright = upright_size(orientation, frame.size)
    expected = {"upright": {upright}, "stored": {frame.size}, None: {upright, frame.size}}[exif]
    if size is not None and size not in expected:
        option = "" if exif is None else f" with --exif {exif}"
        raise InputError(
            f"{_told(name, frame, orientation)}, but the table says {size[0]} x {size[1]}{option}: use the table of "
            "this image."
        )
    if exif is not None:
        return exif == "upright"
    if size is not None and upright != frame.size:
        return size == upright
    if not placed:
        return False
    raise _open_question(name, frame, orientation)


def picture_frame(name: str, frame: Frame, orientation: int, exif: ExifReading | None) -> Frame:
    """The frame of the picture that the points of an image are of, where the table declares no size.

    Raises:
        InputError: the image has an EXIF orientation, and it is not said which picture is meant.
    """
    if orientation == 1 or exif == "stored":
        return frame
    if exif is None:
        raise _open_question(name, frame, orientation)
    return Frame(*upright_size(orientation, frame.size))


def _open_question(name: str, frame: Frame, orientation: int) -> InputError:
    return InputError(
        f"{_told(name, frame, orientation)}, and the table does not say which of the two its points refer to: use "
        "--exif upright, or --exif stored where the program that made it shows the stored pixels."
    )


def _told(name: str, frame: Frame, orientation: int) -> str:
    width, height = upright_size(orientation, frame.size)
    return (
        f"{name!r} has the EXIF orientation {orientation}, by which most viewers turn it ({frame.width} x "
        f"{frame.height} pixels as stored, {width} x {height} upright)"
    )


def _pixel_size(name: str, stated: tuple[float, float] | None, frame: Frame) -> tuple[float, float] | None:
    """The size that a table states, where the image has none of its own."""
    if stated is None:
        return None
    if frame.spacing is None:
        return check_pixel_size(stated, f"{name!r}: mm_per_px")
    if np.allclose(stated, frame.spacing, rtol=SAME_SIZE, atol=0):
        return None
    own, other = (" x ".join(f"{length:g}" for length in size) for size in (frame.spacing, stated))
    raise InputError(
        f"{name!r} has pixels of {own} mm ({frame.spacing_source}), but the table says {other} mm: leave mm_per_px "
        "out, or correct it."
    )


def _turned(entry: ImagePoints, frame: Frame, orientation: int) -> ImagePoints:
    """The entry of the stored pixels for one of the upright picture."""
    points = {}
    for landmark, point in entry.points.items():
        x, y = upright_to_stored([point.x, point.y], orientation, frame.size).tolist()
        points[landmark] = replace(point, x=x, y=y)
    pixel = entry.mm_per_px
    if pixel is not None and upright_size(orientation, (1, 2)) != (1, 2):
        pixel = pixel[1], pixel[0]
    return replace(entry, points=points, size=frame.size if entry.size else None, mm_per_px=pixel)
