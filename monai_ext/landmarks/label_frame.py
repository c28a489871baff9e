"""The frame that a label was made on, kept in its file, and the check that the image still has it.

A markups file holds LPS millimetres, which become pixels by the placement that the image file states. Where somebody
rewrites that (strips a JPEG's print density, converts it to PNG, edits a header's spacing), the same millimetres are
other pixels. So a label states its image's frame in the field :data:`FIELD` of the document, which 3D Slicer reads
over and drops when it saves; a file without it is read by the image's present placement.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .geometry import FloatArray, Frame

#: The field of the markups document, beside ``markups``.
FIELD = "imageFrame"
#: The command that maps labels to where their images lie now.
REMAP = "monai-landmarks remap"
#: How far, in pixels, a corner of the image may be moved by a placement that counts as the same.
SAME_PLACEMENT = 0.01


def frame_field(frame: Frame) -> dict[str, list[Any]]:
    """A frame as a label states it.

    Returns:
        ``size`` in pixels (x, y); in LPS millimetres the centre of the first pixel (``origin``) and the steps to the
        next one along a row (``x_step``) and down a column (``y_step``).
    """
    x_step, y_step, origin = (frame.placement.T + 0.0).tolist()  # adding zero turns -0.0 into 0.0
    return {"size": list(frame.size), "origin": origin, "x_step": x_step, "y_step": y_step}


def stated_frame(document: Any, where: str | Path) -> Frame | None:
    """The frame that a markups document states; None if it states none. It has no calibration.

    Raises:
        InputError: the field is malformed; names ``where``.
    """
    field = document.get(FIELD) if isinstance(document, dict) else None
    if field is None:
        return None
    wrong = InputError(
        f"{where} has the {FIELD} {field!r:.160}, which is not the frame of an image: remove the field if you know "
        "that "
        "the label was made on the image as it is now."
    )
    if not isinstance(field, dict):
        raise wrong
    size = _numbers(field.get("size"), 2)
    vectors = [_numbers(field.get(name), 3) for name in ("x_step", "y_step", "origin")]
    if size is None or None in vectors or not all(float(n).is_integer() for n in size):
        raise wrong
    try:
        return Frame(int(size[0]), int(size[1]), np.array(vectors, dtype=np.float64).T)
    except InputError:
        raise wrong from None


def check_frame(stated: Frame, frame: Frame, where: str | Path) -> None:
    """Refuses a label whose image lies elsewhere now, or is another one.

    Args:
        stated: the frame that the label was made on.
        frame: that of its image now.
        where: the label, for messages.

    Raises:
        InputError: the sizes differ, or a corner of the image has moved by more than :data:`SAME_PLACEMENT`.
    """
    if stated.size != frame.size:
        raise InputError(
            f"{where} was made on an image of {stated.width} x {stated.height} pixels, but the image has "
            f"{frame.width} x {frame.height}: put the former image back, or delete the label and label the new one."
        )
    moved = moved_by(stated, frame)
    if moved > SAME_PLACEMENT:
        raise InputError(
            f"{where} was made on another placement of its image (pixels of {pixel_words(stated)} mm, now "
            f"{pixel_words(frame)} mm), which would move its points by up to {moved:.4g} pixels: put the image "
            f"file back as it was, or map the label with `{REMAP}`."
        )


def moved_by(stated: Frame, frame: Frame) -> float:
    """The largest distance, in pixels of the second frame, between one corner of the image in both placements."""
    right, bottom = stated.width - 1.0, stated.height - 1.0
    corners = np.array([[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]])
    apart = np.linalg.norm(stated.to_lps(corners) - frame.to_lps(corners), axis=-1)
    return float(apart.max() / _pixel_lengths(frame).min())


def _pixel_lengths(frame: Frame) -> FloatArray:
    lengths: FloatArray = np.linalg.norm(frame.placement[:, :2], axis=0)
    return lengths


def pixel_words(frame: Frame) -> str:
    """Size of a pixel of the placement along (x, y), for messages."""
    return " x ".join(f"{length:.4g}" for length in _pixel_lengths(frame))


def _numbers(value: Any, count: int) -> list[float] | None:
    """A list of so many finite numbers, or None."""
    if not isinstance(value, list) or len(value) != count:
        return None
    try:
        plain = all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in value)
    except OverflowError:  # an integer beyond the range of floating point
        return None
    return value if plain else None
