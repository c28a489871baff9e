"""What of a table a format cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from monai_ext.landmarks.points import Status
from monai_ext.landmarks.tables import PointsTable

from .format import Format


def losses(table: PointsTable, format: Format) -> list[str]:
    """One sentence per part of the table that is lost in the format; empty where it holds all."""
    return list(_losses(table, format))


def _losses(table: PointsTable, format: Format) -> Iterator[str]:
    count = dict.fromkeys(Status, 0)
    unplaced = 0
    for entry in table.images.values():
        status = [entry.points[name].status if name in entry.points else Status.UNDEFINED for name in table.names]
        for item in status:
            count[item] += 1
        unplaced += Status.DEFINED not in status
    missing, undefined = count[Status.MISSING], count[Status.UNDEFINED]
    split = sum(entry.split is not None for entry in table.images.values())
    if "names" not in format.holds:
        yield f"{format.title} holds no names; in order, the landmarks are {', '.join(table.names)}."
    if "missing" not in format.holds and missing:
        yield f"{format.title} does not hold that a landmark is missing: {missing} missing landmarks are left out."
    if "undefined" not in format.holds and undefined:
        yield f"{format.title} needs every landmark: {undefined} that are not placed are written as missing."
    if "images without points" not in format.holds and unplaced:
        yield f"{format.title} holds no image without a placed landmark: {unplaced} images are left out."
    if "splits" not in format.holds and split:
        yield f"{format.title} holds no splits: those of {split} images are left out."
