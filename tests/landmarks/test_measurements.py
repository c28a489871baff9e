from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from monai_ext.landmarks import Frame, Landmarks, Protocol, measure
from monai_ext.landmarks.measurements import measured


def protocol(*measurements, names="abc"):
    return Protocol.model_validate(
        {
            "name": "task",
            "title": "Task",
            "channels": "grey",
            "landmarks": [{"name": name, "description": "."} for name in names],
            "measurements": list(measurements),
        }
    )


LENGTH = {"name": "length", "between": ["a", "b"]}
ANGLE = {"name": "angle", "kind": "angle", "between": ["a", "b", "c"]}
HEIGHT = {"name": "height", "kind": "height", "between": ["a", "b", "c"]}


def values(points, *measurements, frame=None, status=None):
    landmarks = Landmarks("abc"[: len(points)], points, frame or Frame(99, 50), status)
    return measure(protocol(*measurements), landmarks)


def test_a_length_is_in_pixels_without_calibration():
    assert values([[0, 0], [3, 4], [9, 9]], LENGTH) == [{"name": "length", "value": 5.0, "unit": "px"}]


def test_a_length_uses_both_spacings_and_not_the_placement():
    frame = Frame(99, 50, placement=[[7, 0, 0], [0, 9, 0], [0, 0, 0]], spacing=(0.1, 0.2))
    (answer,) = values([[10, 10], [40, 30], [0, 0]], LENGTH, frame=frame)
    assert answer["value"] == pytest.approx(5.0, abs=1e-12)
    assert answer["unit"] == "mm"


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[1, 0], [0, 0], [0, 1]], 90),
        ([[0, 1], [0, 0], [1, 0]], 90),
        ([[1, 0], [0, 0], [2, 2]], 45),
        ([[1, 0], [0, 0], [-1, 1]], 135),
        ([[1, 0], [0, 0], [-4, 0]], 180),
        ([[1, 0], [0, 0], [3, 0]], 0),
        ([[12, 5], [11, 5], [11, 6]], 90),
    ],
)
def test_an_angle_is_at_the_middle_landmark(points, expected):
    (answer,) = values(points, ANGLE)
    assert answer == {"name": "angle", "value": pytest.approx(expected, abs=1e-12), "unit": "deg"}


def test_an_angle_is_measured_in_the_calibrated_plane():
    (answer,) = values([[10, 0], [0, 0], [10, 10]], ANGLE, frame=Frame(99, 50, spacing=(1.0, math.sqrt(3))))
    assert answer["value"] == pytest.approx(60, abs=1e-9)


def test_angles_agree_with_the_cosine_rule():
    rng = np.random.default_rng(0)
    for points in rng.uniform(0, 100, (50, 3, 2)):
        a, b, c = points
        u, v = a - b, c - b
        expected = math.degrees(math.acos(u @ v / (np.linalg.norm(u) * np.linalg.norm(v))))
        assert values(points, ANGLE)[0]["value"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[3, 2], [0, 5], [10, 5]], 3),
        ([[3, 8], [0, 5], [10, 5]], 3),
        ([[50, 2], [0, 5], [10, 5]], 3),
        ([[2, 0], [0, 0], [7, 7]], math.sqrt(2)),
        ([[4, 4], [0, 0], [7, 7]], 0),
    ],
)
def test_a_height_is_at_right_angles_to_the_line(points, expected):
    (answer,) = values(points, HEIGHT)
    assert answer == {"name": "height", "value": pytest.approx(expected, abs=1e-12), "unit": "px"}


def test_a_height_is_measured_in_the_calibrated_plane():
    # In millimetres: (0, 4) above the line from (0, 0) to (3, 3).
    (answer,) = values([[0, 2], [0, 0], [30, 1.5]], HEIGHT, frame=Frame(99, 50, spacing=(0.1, 2.0)))
    assert answer["value"] == pytest.approx(2 * math.sqrt(2), abs=1e-12)
    assert answer["unit"] == "mm"


@pytest.mark.parametrize("status", [0, -1])
def test_a_measurement_with_a_landmark_that_is_not_defined_is_left_out(status):
    points = [[0, 0], [3, 4], [9, 9]]
    got = values(points, LENGTH, ANGLE, {"name": "other", "between": ["a", "c"]}, status=[1, status, 1])
    assert [answer["name"] for answer in got] == ["other"]


def test_a_landmark_that_is_not_there_at_all_is_not_defined():
    assert values([[0, 0]], LENGTH) == []


def test_angles_and_heights_that_do_not_exist_are_left_out():
    assert values([[1, 1], [1, 1], [2, 2]], ANGLE) == []
    assert values([[5, 5], [1, 1], [1, 1]], ANGLE, HEIGHT) == []
    assert values([[1, 1], [1, 1], [2, 2]], LENGTH)[0]["value"] == 0
    assert values([[1, 1], [1, 1], [2, 2]], HEIGHT)[0]["value"] == 0


def test_the_order_is_the_protocols_and_the_values_are_plain_floats():
    got = values([[0, 0], [3, 4], [9, 9]], HEIGHT, LENGTH, ANGLE)
    assert [answer["name"] for answer in got] == ["height", "length", "angle"]
    assert all(type(answer["value"]) is float for answer in got)


RATIO = {"name": "ratio", "kind": "ratio", "between": ["a", "b", "a", "c"]}


def test_a_ratio_is_of_the_first_distance_to_the_second():
    assert values([[0, 0], [3, 4], [0, 20]], RATIO) == [{"name": "ratio", "value": 0.25, "unit": "1"}]
    four = {"name": "ratio", "kind": "ratio", "between": ["a", "b", "c", "d"]}
    landmarks = Landmarks("abcd", [[1, 1], [1, 7], [10, 2], [12, 2]], Frame(99, 50))
    assert measure(protocol(four, names="abcd"), landmarks) == [{"name": "ratio", "value": 3.0, "unit": "1"}]


def test_a_ratio_is_of_lengths_in_the_calibrated_plane():
    (answer,) = values([[0, 0], [10, 0], [0, 10]], RATIO, frame=Frame(99, 50, spacing=(0.5, 0.2)))
    assert answer == {"name": "ratio", "value": pytest.approx(2.5, abs=1e-12), "unit": "1"}


def test_a_ratio_without_a_divisor_or_a_landmark_has_no_value():
    assert values([[0, 0], [3, 4], [0, 0]], RATIO) == []
    assert values([[0, 0], [0, 0], [3, 4]], RATIO)[0]["value"] == 0
    (item,) = measured(protocol(RATIO), Landmarks("abc", [[0, 0], [3, 4], [0, 0]], Frame(99, 50)))
    assert (item.value, item.reason) == (None, "the divisor of the ratio has no length")
    (item,) = measured(protocol(RATIO), Landmarks("abc", [[0, 0], [3, 4], [9, 9]], Frame(99, 50), [1, 1, 0]))
    assert (item.value, item.reason, item.unit) == (None, "c is missing", "1")


@pytest.mark.parametrize("between", ["aab", "abab", "abba", "aabc", "abcc", "abc"])
def test_a_ratio_is_of_two_different_distances(between):
    with pytest.raises(ValidationError, match="a ratio is of two different distances, each between 2 different"):
        protocol({**RATIO, "between": list(between)})
