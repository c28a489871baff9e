"""Points of many images, gathered one by one into a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from monai_ext.landmarks import ImagePoints, InputError, PointsTable, Status, TablePoint

_NOWHERE = (math.nan, math.nan)


class Gatherer:
    """Gathers points and refuses what is repeated, unknown or no finite number.

    Args:
        path: the file or folder that is read, for messages.
        names: the landmarks to expect; None allows any.
        centre: where the format puts the centre of the top-left pixel along x and y; subtracted from each coordinate.
    """

    def __init__(self, path: Path, names: Sequence[str] | None, centre: float = 0.0) -> None:
        self._path = path
        self._expected = names
        self._centre = centre
        self._order: dict[str, None] = {}
        self._images: dict[str, ImagePoints] = {}

    def image(
        self,
        image: str,
        size: tuple[int, int] | None = None,
        where: str | None = None,
        *,
        mm_per_px: tuple[float, float] | None = None,
    ) -> None:
        """Starts an image; it may stay without points.

        Raises:
            InputError: the name is empty, or the image was started before.
        """
        where = where or str(self._path)
        if not image:
            raise InputError(f"{where}: the name of the image is empty; fill it in.")
        if image in self._images:
            raise InputError(f"{where}: the image {image!r} occurs twice; keep one set of points per image.")
        self._images[image] = ImagePoints({}, size, mm_per_px=mm_per_px)

    def landmark(self, where: str, name: str) -> None:
        """States that there is a landmark of that name, which fixes its place in the order.

        Raises:
            InputError: the name is empty or not among those expected.
        """
        if not name:
            raise InputError(f"{where}: a point has no name; give it the name of its landmark.")
        if self._expected is not None and name not in self._expected:
            raise InputError(f"{where}: unknown landmark {name!r}; the landmarks are {', '.join(self._expected)}.")
        self._order.setdefault(name)

    def point(
        self,
        where: str,
        image: str,
        name: str,
        xy: Sequence[Any],
        status: Status = Status.DEFINED,
        description: str = "",
    ) -> None:
        """Adds one point of an image that was started; only a defined one has coordinates.

        Raises:
            InputError: as :meth:`landmark`; the image has that landmark already; a coordinate is no finite number.
        """
        self.landmark(where, name)
        points = self._images[image].points
        if name in points:
            raise InputError(f"{where}: the landmark {name!r} of {image!r} occurs twice; keep one.")
        if status is Status.DEFINED:
            x, y = (number(value, f"{where}: the coordinate of {name!r}") - self._centre for value in xy)
            points[name] = TablePoint(x, y, description=description)
        else:
            points[name] = TablePoint(*_NOWHERE, status)

    def table(self) -> PointsTable:
        """The table of what was gathered.

        Raises:
            InputError: there is no point at all.
        """
        if not any(
            point.status is not Status.UNDEFINED for item in self._images.values() for point in item.points.values()
        ):
            raise InputError(f"{self._path} holds no placed point, so nothing can be imported from it.")
        return PointsTable(tuple(self._order), self._images)


def number(value: Any, where: str) -> float:
    """The finite number of a JSON value or a text field.

    Raises:
        InputError: it is none; opens with ``where``.
    """
    try:
        found = math.nan if isinstance(value, bool) or (isinstance(value, str) and "_" in value) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{where} must be a finite number, not {value!r:.80}.")
    return found


def pixel_size(width: Any, height: Any, where: str) -> tuple[int, int]:
    """A (width, height) in whole pixels.

    Raises:
        InputError: one is no whole number above 0; opens with ``where``.
    """
    for key, value in (("width", width), ("height", height)):
        size = number(value, f"{where}: the {key}")
        if size < 1 or size != int(size):
            raise InputError(f"{where}: the {key} must be a whole number of pixels above 0, not {value!r:.80}.")
    return int(float(width)), int(float(height))


def posix_path(name: str) -> str:
    """An image name as a program on Windows may write it: with ``/`` between folders, and no folders behind a drive."""
    path = PureWindowsPath(name)
    if path.drive:
        return path.name
    return name.replace("\\", "/")


class Numbering:
    """The names of points that a format keeps in order only: those stated, else 1, 2, ...

    Args:
        stated: the names; None numbers the points.
    """

    def __init__(self, stated: Sequence[str] | None) -> None:
        self._names = stated

    def names(self, count: int, where: str) -> Sequence[str]:
        """The names of the points of one image, which are all or none.

        Raises:
            InputError: another number of names is stated, or the images before have another number of points.
        """
        if count == 0:
            return ()
        if self._names is None:
            self._names = [str(number) for number in range(1, count + 1)]
        if len(self._names) != count:
            known = ", ".join(self._names)
            raise InputError(
                f"{where}: there are {count} points for {len(self._names)} landmarks ({known}): without names, each "
                "image needs all of them."
            )
        return self._names
