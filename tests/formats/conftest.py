"""Tables and frames that the tests of this room share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from monai_ext.landmarks import Frame, ImagePoints, PointsTable, Status, TablePoint

NOWHERE = (math.nan, math.nan)
#: Points between and on pixel centres, at the corners of the image, and just outside of it.
POINTS = {
    "a.png": {"tip": (10.25, 3.5), "base": (0.0, 0.0), "left eye": (59.0, 39.0)},
    "b.png": {"tip": (-0.5, 39.4), "base": (59.5, -0.75), "left eye": (1 / 3, 12.0)},
}
SIZE = (60, 40)


@pytest.fixture
def table() -> PointsTable:
    """Two images with three placed points each."""
    points = POINTS
    names = tuple(dict.fromkeys(name for item in points.values() for name in item))
    return PointsTable(
        names,
        {
            image: ImagePoints({name: TablePoint(*xy) for name, xy in item.items()}, SIZE)
            for image, item in points.items()
        },
    )


@pytest.fixture
def frames() -> Callable[[str], Frame]:
    """Frames of anisotropic, mirrored pixels away from the origin."""
    placement = np.array([[-0.25, 0, 100], [0, 0.7, -4], [0, 0, 9]])
    return lambda image: Frame(*SIZE, placement)


@pytest.fixture
def same_points() -> Callable[..., None]:
    return _assert_same_points


def _assert_same_points(got: PointsTable, expected: PointsTable, atol: float = 1e-9) -> None:
    """Same names, images and status in the same order; points equal. Sizes and splits are not compared."""
    assert got.names == expected.names
    assert list(got.images) == list(expected.images)
    for image, entry in expected.images.items():
        points = got.images[image].points
        for name, point in entry.points.items():
            found = points.get(name, TablePoint(*NOWHERE, Status.UNDEFINED))
            assert found.status is point.status, (image, name)
            if point.status is Status.DEFINED:
                assert (found.x, found.y) == pytest.approx((point.x, point.y), abs=atol), (image, name)
