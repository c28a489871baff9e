from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks import Frame, InputError
from monai_ext.landmarks.geometry import (
    about,
    fit_matrix,
    flip_lps_ras,
    flip_matrix,
    rotation_matrix,
    scale_matrix,
    transform_points,
    translation_matrix,
)


def apply(matrix, point):
    """Independent of transform_points: one homogeneous product."""
    x, y, w = np.asarray(matrix) @ [point[0], point[1], 1.0]
    assert w == 1.0
    return [x, y]


def test_pixel_centres_of_the_default_frame_are_lps_millimetres():
    frame = Frame(640, 480)
    assert frame.to_lps([0, 0]).tolist() == [0, 0, 0]
    assert frame.to_lps([639, 3]).tolist() == [639, 3, 0]
    assert (frame.size, frame.unit, frame.scale.tolist()) == ((640, 480), "px", [1, 1])


def test_placement_columns_are_the_steps_of_x_and_y():
    frame = Frame(5, 4, placement=[[0.2, 0, -3], [0, 0.7, 4], [0, 0, 9]])
    np.testing.assert_allclose(frame.to_lps([10, 2]), [-1, 5.4, 9])


def test_pixels_to_lps_and_back(frame):
    points = np.random.default_rng(0).uniform(-5, 300, (7, 2))
    np.testing.assert_allclose(frame.from_lps(frame.to_lps(points)), points, atol=1e-9)


def test_from_lps_projects_a_point_just_off_the_plane():
    frame = Frame(5, 4, placement=[[2.0, 0, 0], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(frame.from_lps([6.0, 2.0, 1.9]), [3, 2])


@pytest.mark.parametrize("z", [2.1, -2.1])
def test_from_lps_refuses_a_point_off_the_plane(z):
    frame = Frame(5, 4, placement=[[2.0, 0, 0], [0, 1, 0], [0, 0, 0]])
    with pytest.raises(InputError, match=rf"\[6.0, 2.0, {z}\] lies 2.1 mm off the image plane.*check that"):
        frame.from_lps([[0, 0, 0], [6.0, 2.0, z], [np.nan] * 3])


def test_off_plane_tolerance_is_one_millimetre_for_small_pixels():
    frame = Frame(5, 4, placement=[[0.01, 0, 0], [0, 0.01, 0], [0, 0, 0]])
    assert frame.from_lps([0, 0, 0.99]).tolist() == [0, 0]
    with pytest.raises(InputError, match=r"1\.1 mm"):
        frame.from_lps([0, 0, 1.1])


def test_nan_positions_stay_nan():
    assert np.isnan(Frame(5, 4).from_lps([np.nan] * 3)).all()
    assert Frame(5, 4).from_lps(np.zeros((0, 3))).shape == (0, 2)


def test_distance_uses_the_calibration_of_each_axis_and_not_the_placement():
    placement = [[7.0, 0, 0], [0, 7.0, 0], [0, 0, 0]]
    assert float(Frame(9, 9, placement=placement, spacing=(0.1, 0.2)).distance([1, 1], [31, 21])) == pytest.approx(5)
    assert float(Frame(9, 9, placement=placement).distance([0, 0], [3, 4])) == 5
    batch = Frame(9, 9, spacing=(1, 2)).distance([[0, 0], [1, 1]], [[3, 2], [1, 2]])
    assert batch.tolist() == [5, 2]


def test_contains_reaches_the_outer_pixel_edges():
    inside = Frame(5, 4).contains([[-0.5, -0.5], [4.5, 3.5], [-0.51, 0], [0, 3.51], [4.51, 0], [np.nan, 0]])
    assert inside.tolist() == [True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0, "height": 3}, "at least one pixel, not 0 x 3"),
        ({"width": 3, "height": 3, "placement": np.eye(2)}, "finite 3 x 3 matrix"),
        ({"width": 3, "height": 3, "placement": np.full((3, 3), np.nan)}, "finite 3 x 3 matrix"),
        ({"width": 3, "height": 3, "placement": [[1, 2, 0], [1, 2, 0], [0, 0, 0]]}, "not independent"),
        ({"width": 3, "height": 3, "spacing": (0.1, 0)}, r"two positive numbers in mm, not \(0.1, 0\)"),
        ({"width": 3, "height": 3, "spacing": (0.1, float("nan"))}, "two positive numbers"),
        ({"width": 3, "height": 3, "spacing": (0.1, 0.2, 0.3)}, r"two positive numbers in mm, not \(0.1, 0.2, 0.3\)"),
    ],
)
def test_frame_refuses(arguments, message):
    with pytest.raises(InputError, match=message):
        Frame(**arguments)


def test_the_placement_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Frame(3, 3).placement[0, 0] = 5


def test_flip_lps_ras():
    assert flip_lps_ras([[1, 2, 3], [-4, 5, -6]]).tolist() == [[-1, -2, 3], [4, -5, -6]]


def test_scale_keeps_the_edge_and_not_the_centre_of_the_first_pixel():
    matrix = scale_matrix(2, 0.25)
    assert apply(matrix, (-0.5, -0.5)) == [-0.5, -0.5]
    assert apply(matrix, (0, 0)) == [0.5, -0.375]
    assert apply(matrix, (9.5, 7.5)) == [19.5, 1.5]


def test_flip_swaps_the_first_and_the_last_column():
    assert apply(flip_matrix(640), (0, 5)) == [639, 5]
    assert apply(flip_matrix(640), (639, 5)) == [0, 5]
    np.testing.assert_allclose(flip_matrix(11) @ flip_matrix(11), np.eye(3))


def test_positive_rotation_turns_x_towards_y():
    np.testing.assert_allclose(apply(rotation_matrix(90), (1, 0)), [0, 1], atol=1e-15)
    np.testing.assert_allclose(apply(rotation_matrix(90), (0, 1)), [-1, 0], atol=1e-15)


def test_about_leaves_its_centre_in_place():
    matrix = about((10, 20), rotation_matrix(90))
    np.testing.assert_allclose(apply(matrix, (10, 20)), [10, 20])
    np.testing.assert_allclose(apply(matrix, (13, 20)), [10, 23])


def test_translation():
    assert apply(translation_matrix(3, -4), (1, 1)) == [4, -3]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        # Where the outer corners land: wide into tall, tall into wide, same aspect.
        ((200, 100), (50, 100), ((-0.5, 37.0), (49.5, 62.0))),
        ((100, 200), (100, 50), ((37.0, -0.5), (62.0, 49.5))),
        ((30, 20), (60, 40), ((-0.5, -0.5), (59.5, 39.5))),
    ],
)
def test_fit_is_uniform_and_centred(source, target, expected):
    matrix = fit_matrix(source, target)
    assert apply(matrix, (-0.5, -0.5)) == pytest.approx(expected[0])
    assert apply(matrix, (source[0] - 0.5, source[1] - 0.5)) == pytest.approx(expected[1])
    assert matrix[0, 0] == matrix[1, 1]


def test_transform_points_matches_one_product_per_point():
    rng = np.random.default_rng(1)
    matrix = np.vstack([rng.normal(size=(2, 3)), [0, 0, 1]])
    points = rng.normal(size=(4, 5, 2))
    expected = [[apply(matrix, point) for point in row] for row in points]
    np.testing.assert_allclose(transform_points(matrix, points), expected)


def test_transform_points_with_a_batch_of_maps():
    rng = np.random.default_rng(2)
    matrices = np.concatenate([rng.normal(size=(3, 2, 3)), np.tile([[[0, 0, 1.0]]], (3, 1, 1))], axis=1)
    points = rng.normal(size=(3, 5, 2))
    expected = [[apply(m, point) for point in row] for m, row in zip(matrices, points, strict=True)]
    np.testing.assert_allclose(transform_points(matrices, points), expected)


def test_transform_points_of_torch_tensors():
    torch = pytest.importorskip("torch")
    matrix = torch.tensor([[2.0, 1.0, 3.0], [0.0, 1.0, -1.0], [0.0, 0.0, 1.0]])
    points = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    assert transform_points(matrix, points).tolist() == [[7, 1], [3, -1]]
    assert transform_points(matrix[None], points[None]).tolist() == [[[7, 1], [3, -1]]]
