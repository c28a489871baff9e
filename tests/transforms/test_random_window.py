from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from monai_ext.transforms import FitLandmarks, RandAffineLandmarks
from monai_ext.transforms.rand_affine import random_window


def test_every_window_that_holds_the_points_is_equally_likely() -> None:
    rng = np.random.default_rng(0)
    points = np.array([[3.2, 2.0], [6.4, 4.6]])
    windows = Counter(random_window(points, (12, 9), (6, 5), rng.uniform(size=3)) for _ in range(6000))
    expected = {(x, y) for x in range(7) for y in range(5) if x <= 3 and x + 6 > 6 and y <= 2 and y + 5 > 5}
    assert set(windows) == expected
    assert min(windows.values()) > 0.8 * 6000 / len(expected)


def test_without_a_point_on_the_image_any_window_will_do() -> None:
    rng = np.random.default_rng(0)
    outside = np.array([[-3.0, 2.0], [4.0, 30.0]])
    windows = {random_window(outside, (5, 4), (4, 2), rng.uniform(size=3)) for _ in range(300)}
    assert windows == {(x, y) for x in range(2) for y in range(3)}


def test_points_too_far_apart_are_seen_in_turn() -> None:
    rng = np.random.default_rng(0)
    points = np.array([[1.0, 1.0], [18.0, 1.0]])
    seen = Counter()
    for _ in range(400):
        left, _ = random_window(points, (20, 4), (6, 4), rng.uniform(size=3))
        seen[tuple(left <= x < left + 6 for x in points[:, 0])] += 1
    assert set(seen) == {(True, False), (False, True)}
    assert min(seen.values()) > 150


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_a_crop_is_a_part_of_the_whole_with_the_points_on_their_pixels(flip: float) -> None:
    rng = np.random.default_rng(2)
    image = torch.from_numpy(rng.normal(size=(1, 70, 90)).astype(np.float32))
    points, status = torch.tensor([[30.25, 20.5], [60.0, 33.0]]), torch.ones(2, dtype=torch.int8)
    options = {"rotation": 5.0, "flip": flip, "swap": (1, 0), "resize_wh": (104, 88)}
    whole = RandAffineLandmarks((96, 80), **options).set_random_state(5)
    part = RandAffineLandmarks((96, 80), crop_wh=(64, 48), **options).set_random_state(5)
    all_image, all_points, _, all_matrix = whole(image, points, status)
    crop, crop_points, crop_status, matrix = part(image, points, status)
    assert crop.shape == (1, 48, 64)
    assert crop_status.tolist() == [1, 1]
    left, top = (all_points - crop_points)[0].round().int().tolist()
    torch.testing.assert_close(all_points - crop_points, torch.tensor([[left, top]] * 2).float())
    torch.testing.assert_close(all_image[:, top : top + 48, left : left + 64], crop, rtol=0, atol=2e-4)
    np.testing.assert_allclose((all_matrix - matrix)[:2, 2], [left, top], atol=1e-9)


def test_resize_and_centre_crop() -> None:
    # 100 x 60 into 120 x 120 is a scale of 1.2 (72 rows, 24 above); the centre 80 x 80 begins at (20, 20).
    fit = FitLandmarks((80, 80), resize_wh=(120, 120))
    _, points, matrix = fit(torch.zeros(1, 60, 100), torch.tensor([[0.0, 0.0]]))
    first = (0.5 * 1.2 - 0.5, 0.5 * 1.2 - 0.5 + 24)
    np.testing.assert_allclose(points[0], [first[0] - 20, first[1] - 20], atol=1e-5)
    np.testing.assert_allclose(matrix[:2, :2], 1.2 * np.eye(2))
