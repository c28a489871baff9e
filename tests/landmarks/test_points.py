from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks import Frame, InputError, Landmarks, Status

FRAME = Frame(64, 48)


def test_status_words_and_codes():
    assert [(s.word, int(s)) for s in (Status.DEFINED, Status.MISSING, Status.UNDEFINED)] == [
        ("defined", 1),
        ("missing", 0),
        ("undefined", -1),
    ]
    assert Status.from_word("missing") is Status.MISSING
    with pytest.raises(KeyError):
        Status.from_word("Missing")


def test_everything_is_defined_without_confidence_by_default():
    landmarks = Landmarks(["a", "b"], [[1, 2], [3, 4]], FRAME)
    assert landmarks.status.tolist() == [1, 1]
    assert landmarks.status.dtype == np.int8
    assert np.isnan(landmarks.confidence).all()
    assert len(landmarks) == 2


@pytest.mark.parametrize("count", [0, 1, 19])
def test_any_number_of_landmarks(count):
    points = np.arange(2 * count).reshape(count, 2)
    landmarks = Landmarks([f"p{k}" for k in range(count)], points, FRAME)
    assert landmarks.points.shape == (count, 2)
    assert landmarks.lps.shape == (count, 3)
    np.testing.assert_array_equal(landmarks.points, points)


def test_arrays_are_copies_that_cannot_be_changed():
    points = np.array([[1.0, 2.0]])
    landmarks = Landmarks(["a"], points, FRAME)
    points[0, 0] = 9
    assert landmarks.points.tolist() == [[1, 2]]
    for array in (landmarks.points, landmarks.status, landmarks.confidence):
        assert not array.flags.writeable


def test_undefined_points_may_be_nan_and_are_no_points():
    landmarks = Landmarks(["a", "b"], [[1, 2], [np.nan, np.nan]], FRAME, [1, 0])
    assert landmarks.defined.tolist() == [True, False]
    assert landmarks.point("a").tolist() == [1, 2]
    assert landmarks.point("b") is None


def test_a_likely_place_of_a_missing_landmark_is_no_point():
    landmarks = Landmarks(["a"], [[5, 6]], FRAME, [0])
    assert landmarks.point("a") is None
    assert landmarks.points.tolist() == [[5, 6]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a", "a"], [[1, 2], [3, 4]], FRAME), "a occurs more than once"),
        ((["a", "b"], [[1, 2]], FRAME), r"2 landmarks need points \(2, 2\).*not \(1, 2\)"),
        ((["a", "b", "c"], np.zeros((2, 3)), FRAME), r"not \(2, 3\)"),
        ((["a", "b"], [1, 2, 3, 4], FRAME), r"not \(4,\)"),
        ((["a"], [[1, 2]], FRAME, [1, 1]), r"status \(1,\)"),
        ((["a"], [[1, 2]], FRAME, [1], [0.5, 0.5]), r"confidence \(1,\)"),
        ((["a"], [[1, 2]], FRAME, [2]), r"-1, 0 or 1, not \[2\]"),
        ((["a"], [[1, 2]], FRAME, [0.5]), r"-1, 0 or 1, not \[0.5\]"),
        ((["a"], [[1, 2]], FRAME, [257]), r"-1, 0 or 1, not \[257\]"),
        ((["a", "b"], [[1, 2], [np.nan, 3]], FRAME), r"'b' is defined but its point is \[nan, 3.0\]"),
        ((["a"], [[1, np.inf]], FRAME), "'a' is defined but its point is"),
    ],
)
def test_landmarks_refuse(arguments, message):
    with pytest.raises(InputError, match=message):
        Landmarks(*arguments)


def test_index_of_an_unknown_name_lists_the_names():
    with pytest.raises(InputError, match="no landmark 'c'; there are a, b"):
        Landmarks(["a", "b"], [[1, 2], [3, 4]], FRAME).index("c")


def test_reordered_moves_all_fields_together_and_fills_up():
    landmarks = Landmarks(["a", "b"], [[1, 2], [3, 4]], FRAME, [1, 0], [0.1, 0.2])
    got = landmarks.reordered(["new", "b", "a"])
    assert got.names == ("new", "b", "a")
    assert got.status.tolist() == [-1, 0, 1]
    np.testing.assert_array_equal(got.points, [[np.nan, np.nan], [3, 4], [1, 2]])
    np.testing.assert_array_equal(got.confidence, [np.nan, 0.2, 0.1])
    with pytest.raises(InputError, match="Unknown landmark 'b'; the protocol has a"):
        landmarks.reordered(["a"])


def test_lps_follows_the_frame(frame):
    landmarks = Landmarks(["a"], [[3, 7]], frame)
    np.testing.assert_allclose(landmarks.lps, [frame.placement @ [3, 7, 1]])


def test_with_frame_keeps_the_pixels():
    other = Frame(64, 48, spacing=(0.5, 0.25))
    landmarks = Landmarks(["a"], [[3, 7]], FRAME, [1], [0.4]).with_frame(other)
    assert landmarks.frame is other
    assert (landmarks.points.tolist(), landmarks.confidence.tolist()) == ([[3, 7]], [0.4])
