"""One control point of a Slicer markups file, whichever format it was read from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError
from .geometry import Frame
from .points import Landmarks, Status

# Slicer shows the description in its table and keeps it when it saves; keys of our own it would drop.
_CONFIDENCE = re.compile(r"(?:^|; )confidence (0(?:\.\d+)?|1(?:\.0+)?)$")


@dataclass(frozen=True)
class ControlPoint:
    """A named point in LPS millimetres; its position counts only where the status is defined."""

    label: str
    status: Status
    lps: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    description: str = ""

    @property
    def confidence(self) -> float:
        """The confidence that the description ends with, e.g. ``confidence 0.930``; NaN where it states none."""
        found = _CONFIDENCE.search(self.description)
        return float(found[1]) if found else np.nan


def describe_confidence(confidence: float, previous: str = "") -> str:
    """A description that ends with the confidence, to three decimals.

    Args:
        confidence: in [0, 1]; NaN where unknown, and then none is stated.
        previous: the description so far; a confidence in it is replaced, a person's own words stay.
    """
    words = _CONFIDENCE.sub("", previous)
    stated = "" if np.isnan(confidence) else f"confidence {min(max(confidence, 0.0), 1.0):.3f}"
    return "; ".join(part for part in (words, stated) if part)


def gather_landmarks(
    points: Sequence[ControlPoint], frame: Frame, names: Sequence[str] | None, where: str | Path
) -> Landmarks:
    """The control points of one file as landmarks in the pixels of its image.

    Args:
        points: the control points, in any order.
        frame: the image's frame.
        names: the expected names; the result has them in this order, absent ones undefined. None takes the file's.
        where: the file, for messages.

    Raises:
        InputError: a label is repeated, empty or not among the names; a point lies off the image plane.
    """
    seen: set[str] = set()
    for point in points:
        if not point.label:
            raise InputError(f"{where} has a control point without a label; name it after its landmark.")
        if point.label in seen:
            raise InputError(f"{where} has the label {point.label!r} more than once; keep one point per landmark.")
        seen.add(point.label)
        if names is not None and point.label not in names:
            raise InputError(f"{where} has the unknown label {point.label!r}; the landmarks are {', '.join(names)}.")
    defined = np.array([point.status is Status.DEFINED for point in points], dtype=bool)
    lps = np.array([point.lps for point in points], dtype=np.float64).reshape(-1, 3)
    lps[~defined] = np.nan
    try:
        pixels = frame.from_lps(lps)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    landmarks = Landmarks(
        [point.label for point in points],
        pixels,
        frame,
        [point.status for point in points],
        [point.confidence for point in points],
    )
    return landmarks if names is None else landmarks.reordered(names)
