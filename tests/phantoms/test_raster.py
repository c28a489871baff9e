from __future__ import annotations

import numpy as np
import pytest

from monai_ext.phantoms.raster import densify, polygon_coverage, smooth_curve, smooth_step, stroke_coverage


def centroid(weights: np.ndarray) -> tuple[float, float]:
    y, x = np.indices(weights.shape)
    return float((weights * x).sum() / weights.sum()), float((weights * y).sum() / weights.sum())


def test_rectangle_on_pixel_edges_covers_whole_pixels():
    expected = np.zeros((6, 9))
    expected[1:4, 2:7] = 1.0
    corners = [[1.5, 0.5], [6.5, 0.5], [6.5, 3.5], [1.5, 3.5]]
    np.testing.assert_allclose(polygon_coverage(corners, 6, 9), expected, atol=1e-6)
    np.testing.assert_allclose(polygon_coverage(corners[::-1], 6, 9), expected, atol=1e-6)


def test_rectangle_covers_parts_of_pixels():
    # From x = 1.25 (a quarter of pixel 1) to 3.0 (half of pixel 3), rows 2 and half of row 3.
    coverage = polygon_coverage([[1.25, 1.5], [3.0, 1.5], [3.0, 3.0], [1.25, 3.0]], 5, 6)
    np.testing.assert_allclose(coverage[2], [0, 0.25, 1, 0.5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(coverage[3], [0, 0.125, 0.5, 0.25, 0, 0], atol=1e-6)


@pytest.mark.parametrize("center", [(20.0, 12.0), (17.37, 11.81), (22.5, 14.5)])
def test_circle_has_its_area_and_centroid(center):
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    coverage = polygon_coverage(np.array(center) + 8.3 * np.stack([np.cos(turn), np.sin(turn)], 1), 27, 41)
    assert coverage.sum() == pytest.approx(np.pi * 8.3**2, rel=2e-3)
    assert centroid(coverage) == pytest.approx(center, abs=5e-3)


def test_polygon_agrees_with_brute_force_sampling_on_a_concave_shape():
    corners = np.array([[1.2, 0.7], [10.8, 2.1], [5.5, 4.2], [11.3, 8.9], [0.4, 7.3]])
    fine = (np.arange(14 * 40) + 0.5) / 40 - 0.5
    px, py = np.meshgrid(fine, fine[: 11 * 40])
    inside = np.zeros(px.shape, bool)
    for a, b in zip(corners, np.roll(corners, -1, 0), strict=True):
        crosses = (a[1] <= py) != (b[1] <= py)
        inside ^= crosses & (px < a[0] + (py - a[1]) * (b[0] - a[0]) / (b[1] - a[1]))
    expected = inside.reshape(11, 40, 14, 40).mean(axis=(1, 3))
    np.testing.assert_allclose(polygon_coverage(corners, 11, 14), expected, atol=0.06)


def test_polygon_is_cut_at_the_image_border():
    coverage = polygon_coverage([[-50, -50], [3.0, -50], [3.0, 80], [-50, 80]], 5, 6)
    np.testing.assert_allclose(coverage, np.tile([1, 1, 1, 0.5, 0, 0], (5, 1)), atol=1e-6)
    assert polygon_coverage([[-9, -9], [-3, -9], [-3, -4]], 5, 6).sum() == 0
    assert polygon_coverage([[9, 19], [12, 19], [12, 24]], 5, 6).sum() == 0


@pytest.mark.parametrize("radius", [0.3, 1.0, 3.4])
def test_dot_is_centred_on_its_point(radius):
    dot = stroke_coverage([[14.3, 9.8]], [radius], 21, 33)
    assert centroid(dot) == pytest.approx((14.3, 9.8), abs=0.12)
    assert stroke_coverage([[14.0, 9.0]], [radius], 21, 33)[9, 14] == pytest.approx(min(1.0, 2 * radius))


def test_stroke_has_its_width_and_is_cut_at_the_border():
    line, radii = densify([([[-5.0, 10.25], [60.0, 10.25]], [2.0, 2.0])], 0.3)
    stroke = stroke_coverage(line, radii, 20, 40)
    column = stroke[:, 20]
    assert column.sum() == pytest.approx(4.0, abs=0.05)
    assert (column * np.arange(20)).sum() / column.sum() == pytest.approx(10.25, abs=0.01)
    np.testing.assert_allclose(stroke[:, 0], column, atol=0.02)


def test_densify_keeps_corners_and_limits_the_step():
    lines = [([[0, 0], [3, 4], [3, 4.1]], [1.0, 2.0, 3.0]), ([[10, 10], [10, 12]], [5.0, 7.0])]
    points, values = densify(lines, 0.7)
    for corners, at in lines:
        for corner, value in zip(corners, at, strict=True):
            row = int(np.argmin(np.hypot(*(points - corner).T)))
            assert points[row] == pytest.approx(corner)
            assert values[row] == pytest.approx(value)
    np.testing.assert_allclose(values[:8], np.linspace(1, 2, 9)[:8])
    assert densify([], 1.0)[0].shape == (0, 2)


@pytest.mark.parametrize("closed", [False, True])
def test_smooth_curve_passes_through_its_control_points(closed):
    control = np.array([[0, 0], [4, 1], [5, 5], [1, 6]], float)
    curve = smooth_curve(control, 4001, closed)
    nearest = np.hypot(*(curve[:, None] - control[None]).transpose(2, 0, 1)).min(axis=0)
    assert nearest.max() < 5e-3
    assert curve[0] == pytest.approx(control[0])
    end = control[0] if closed else control[-1]
    assert curve[-1] == pytest.approx(end, abs=0.01)


def test_smooth_step_is_level_outside():
    assert smooth_step(np.array([-1.0, 0.0, 0.5, 1.0, 3.0]), 0, 1).tolist() == [0, 0, 0.5, 1, 1]
    assert smooth_step(np.array([0.9, 0.1]), 1, 0).tolist() == pytest.approx([0.028, 0.972])
