"""A random stretch along one direction, of objects as if turned away."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks.geometry import transform_points
from monai_ext.transforms import RandAffineLandmarks


def test_a_stretch_keeps_the_area_and_has_any_direction() -> None:
    augment = RandAffineLandmarks((150, 110), stretch=0.3).set_random_state(0)
    longest, directions = [], []
    for _ in range(400):
        augment.randomize()
        matrix = augment.matrix(150, 110)
        np.testing.assert_allclose(transform_points(matrix, np.array([74.5, 54.5])), [74.5, 54.5], atol=1e-9)
        _, (most, least), axes = np.linalg.svd(matrix[:2, :2])
        assert most * least == pytest.approx(1)
        longest.append(most)
        directions.append(np.degrees(np.arctan2(axes[0, 1], axes[0, 0])) % 180)
    assert 1 <= min(longest) < 1.01
    assert 1.29 < max(longest) <= 1.3
    assert np.histogram(directions, 6, (0, 180))[0].min() > 40


def test_without_a_stretch_the_other_changes_are_as_with_it() -> None:
    """Its numbers are drawn last."""
    plain, stretched = (
        RandAffineLandmarks((96, 64), rotation=25.0, scale=0.2, shift=0.1, stretch=stretch).set_random_state(3)
        for stretch in (0.0, 0.3)
    )
    plain.randomize()
    stretched.randomize()
    one, other = plain.matrix(150, 110), stretched.matrix(150, 110)
    assert np.linalg.det(one) == pytest.approx(np.linalg.det(other))
    middle = np.array([74.5, 54.5])
    np.testing.assert_allclose(transform_points(one, middle), transform_points(other, middle))
    assert np.abs(one - other).max() > 0.01
