"""Landmark pairs that the evaluation's tests share."""

from __future__ import annotations

import pytest

from monai_ext.evaluation import Pair
from monai_ext.landmarks import Frame, Landmarks

NAMES = ("fovea", "disc", "vessel")


def landmarks(points, status=None, *, names=NAMES, spacing=(0.5, 0.25), size=(200, 120)) -> Landmarks:
    frame = Frame(*size, spacing=spacing, spacing_source="none" if spacing is None else "made up")
    return Landmarks(names, points, frame, status)


@pytest.fixture
def make_landmarks():
    return landmarks


@pytest.fixture
def pairs() -> list[Pair]:
    """Four images whose errors in mm are whole numbers: 5 1 2; 0 13 -; - - 10; - 4 -."""
    nan = float("nan")
    truths = [
        landmarks([(100, 50), (20, 30), (7, 90)]),
        landmarks([(10, 20), (60, 11), (nan, nan)], [1, 1, 0]),
        landmarks([(33, 44), (nan, nan), (5, 6)], [1, -1, 1]),
        landmarks([(nan, nan), (70, 80), (12, 13)], [0, 1, 1]),
    ]
    predictions = [
        landmarks([(106, 66), (22, 30), (7, 82)]),
        landmarks([(10, 20), (50, 59), (3, 3)]),
        landmarks([(90, 90), (1, 1), (21, 30)], [0, 1, 1]),
        landmarks([(4, 4), (62, 80), (nan, nan)], [0, 1, -1]),
    ]
    return [(f"eye_{i}", t, p) for i, (t, p) in enumerate(zip(truths, predictions, strict=True))]
