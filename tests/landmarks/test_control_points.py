from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from monai_ext.landmarks import Frame, InputError, Status
from monai_ext.landmarks.control_points import ControlPoint, describe_confidence, gather_landmarks

PATH = Path("some.mrk.json")


def point(label, x=1.0, y=2.0, status=Status.DEFINED):
    return ControlPoint(label, status, (x, y, 0.0))


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("confidence 0.930", 0.93),
        ("confidence 1.000", 1.0),
        ("confidence 0", 0.0),
        ("blurred; confidence 0.25", 0.25),
        ("", None),
        ("confidence 7", None),
        ("confidence 1.5", None),
        ("low confidence 0.5", None),
        ("confidence 0.5 or so", None),
    ],
)
def test_confidence_is_read_from_the_end_of_the_description(description, expected):
    got = ControlPoint("a", Status.DEFINED, description=description).confidence
    assert math.isnan(got) if expected is None else got == expected


@pytest.mark.parametrize(
    ("confidence", "previous", "expected"),
    [
        (0.93, "", "confidence 0.930"),
        (0.93, "confidence 0.100", "confidence 0.930"),
        (math.nan, "confidence 0.100", ""),
        (0.5, "blurred", "blurred; confidence 0.500"),
        (0.5, "blurred; confidence 0.100", "blurred; confidence 0.500"),
        (math.nan, "blurred; confidence 0.100", "blurred"),
        (1.0000001, "", "confidence 1.000"),
        (-1e-9, "", "confidence 0.000"),
    ],
)
def test_describe_confidence_keeps_a_persons_words(confidence, previous, expected):
    assert describe_confidence(confidence, previous) == expected


def test_gather_takes_the_order_of_the_names():
    got = gather_landmarks([point("b", 3, 4), point("a")], Frame(9, 9), ["a", "new", "b"], PATH)
    assert got.names == ("a", "new", "b")
    np.testing.assert_array_equal(got.points, [[1, 2], [np.nan, np.nan], [3, 4]])
    assert got.status.tolist() == [1, -1, 1]


def test_gather_without_names_takes_the_files_order():
    assert gather_landmarks([point("b"), point("a")], Frame(9, 9), None, PATH).names == ("b", "a")
    assert len(gather_landmarks([], Frame(9, 9), None, PATH)) == 0
    assert gather_landmarks([], Frame(9, 9), ["a"], PATH).status.tolist() == [-1]


def test_the_position_of_a_point_that_is_not_defined_does_not_count():
    far = ControlPoint("a", Status.MISSING, (0.0, 0.0, 500.0))
    assert np.isnan(gather_landmarks([far], Frame(9, 9), None, PATH).points).all()


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([point("a"), point("a")], "label 'a' more than once"),
        ([point("z")], "unknown label 'z'; the landmarks are a, b"),
        ([point("A")], "unknown label 'A'"),
        ([point("")], "without a label"),
        ([ControlPoint("a", Status.DEFINED, (0.0, 0.0, 5.0))], r"\[0.0, 0.0, 5.0\] lies 5.0 mm off"),
    ],
)
def test_gather_refuses(points, message):
    with pytest.raises(InputError, match=rf"some\.mrk\.json.*{message}"):
        gather_landmarks(points, Frame(9, 9), ["a", "b"], PATH)
