"""Named landmarks of one image: points, status and confidence, with the frame that they live in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .geometry import FloatArray, Frame


class Status(IntEnum):
    """State of one landmark in one image.

    The codes serve as tensors: ``status >= 0`` is what a loss or metric may use, ``status > 0`` has a point.
    """

    UNDEFINED = -1  #: not annotated
    MISSING = 0  #: known to be absent from the image
    DEFINED = 1  #: has a point

    @property
    def word(self) -> str:
        """The lower-case word that files and HTTP answers use."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> Status:
        """The status of a lower-case word; raises KeyError for any other word."""
        return {s.word: s for s in cls}[word]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """K named landmarks of one image. They never travel without their frame.

    Args:
        names: K distinct names.
        points: (K, 2) pixel points (x, y); finite where defined. Elsewhere NaN, or the likeliest place that a
            network proposes: never a measurement.
        status: (K,) codes of :class:`Status`.
        frame: the image's frame.
        confidence: (K,) in [0, 1]; NaN if not stated. For a missing landmark, the confidence in its absence.

    Raises:
        InputError: names repeat, a shape does not fit, a defined point is not finite.
    """

    names: tuple[str, ...]
    points: FloatArray
    status: NDArray[np.int8]
    frame: Frame
    confidence: FloatArray

    def __init__(
        self,
        names: Sequence[str],
        points: object,
        frame: Frame,
        status: object = None,
        confidence: object = None,
    ) -> None:
        names = tuple(names)
        k = len(names)
        # No reshape: it would take (2, K) for (K, 2) and shuffle the coordinates.
        xy = np.array(points, dtype=np.float64) if k else np.zeros((0, 2))
        given = np.full(k, Status.DEFINED) if status is None else np.array(status)
        trust = np.full(k, np.nan) if confidence is None else np.array(confidence, dtype=np.float64)
        if len(set(names)) != k:
            repeated = sorted({n for n in names if names.count(n) > 1})
            raise InputError(f"Landmark names must be unique; {', '.join(repeated)} occurs more than once.")
        if xy.shape != (k, 2) or given.shape != (k,) or trust.shape != (k,):
            raise InputError(
                f"{k} landmarks need points ({k}, 2), status ({k},) and confidence ({k},), "
                f"not {xy.shape}, {given.shape} and {trust.shape}."
            )
        # Checked before the conversion, which would round 0.5 to "missing".
        if not np.isin(given, [int(s) for s in Status]).all():
            raise InputError(f"A status code must be -1, 0 or 1, not {given.tolist()}.")
        codes = given.astype(np.int8)
        bad = (codes == Status.DEFINED) & ~np.isfinite(xy).all(axis=1)
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            raise InputError(f"The landmark {names[first]!r} is defined but its point is {xy[first].tolist()}.")
        for array in (xy, codes, trust):
            array.setflags(write=False)
        for key, value in (
            ("names", names),
            ("points", xy),
            ("status", codes),
            ("frame", frame),
            ("confidence", trust),
        ):
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def defined(self) -> NDArray[np.bool_]:
        """(K,) which landmarks have a point."""
        return self.status == Status.DEFINED

    @property
    def lps(self) -> FloatArray:
        """(K, 3) positions in the placement frame, LPS millimetres."""
        return self.frame.to_lps(self.points)

    def index(self, name: str) -> int:
        """The position of a landmark in the order of names."""
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(f"There is no landmark {name!r}; there are {', '.join(self.names)}.") from None

    def point(self, name: str) -> FloatArray | None:
        """The (2,) point of a defined landmark, else None."""
        k = self.index(name)
        return self.points[k] if self.defined[k] else None

    def reordered(self, names: Sequence[str]) -> Landmarks:
        """The same landmarks in the order of ``names``; names that this set lacks come out undefined.

        Raises:
            InputError: this set holds a name that ``names`` lacks.
        """
        unknown = [n for n in self.names if n not in names]
        if unknown:
            raise InputError(f"Unknown landmark {unknown[0]!r}; the protocol has {', '.join(names)}.")
        rows = [self.names.index(n) if n in self.names else None for n in names]
        return Landmarks(
            names,
            [[np.nan, np.nan] if r is None else self.points[r] for r in rows],
            self.frame,
            [Status.UNDEFINED if r is None else self.status[r] for r in rows],
            [np.nan if r is None else self.confidence[r] for r in rows],
        )

    def with_frame(self, frame: Frame) -> Landmarks:
        """The same pixel points in another frame of the same image."""
        return Landmarks(self.names, self.points, frame, self.status, self.confidence)
