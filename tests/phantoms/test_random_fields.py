from __future__ import annotations

import numpy as np
import pytest

from monai_ext.phantoms.random_fields import cloud_field, smooth_field, speckle, white_noise


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: smooth_field(rng, 60, 90, 8.0),
        lambda rng: cloud_field(rng, 60, 90, 30.0),
        lambda rng: white_noise(rng, (60, 90), 0.5),
        lambda rng: speckle(rng, 60, 90, (0.5, 0.8), 3.0),
    ],
)
def test_fields_have_the_shape_and_repeat_with_the_seed(draw):
    first = draw(np.random.default_rng(5))
    assert first.shape == (60, 90)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, draw(np.random.default_rng(5)))
    assert not np.array_equal(first, draw(np.random.default_rng(6)))


def test_smooth_field_is_smooth_at_its_cell():
    coarse = smooth_field(np.random.default_rng(0), 200, 300, 40.0)
    fine = smooth_field(np.random.default_rng(0), 200, 300, 4.0)
    assert np.abs(np.diff(coarse, axis=1)).mean() < 0.2 * np.abs(np.diff(fine, axis=1)).mean()


@pytest.mark.parametrize("grain", [0.0, 1.2])
def test_noise_has_its_standard_deviation(grain):
    noise = white_noise(np.random.default_rng(1), (3, 200, 200)[1:], 0.25, grain)
    assert noise.std() == pytest.approx(0.25, rel=0.03)


def test_speckle_has_mean_one_and_less_contrast_with_more_looks():
    one, nine = (speckle(np.random.default_rng(2), 200, 300, (0.4, 0.4), looks) for looks in (1.0, 9.0))
    assert one.min() > 0
    assert one.mean() == pytest.approx(1.0, abs=0.02)
    assert one.std() == pytest.approx(1.0, abs=0.1)
    assert nine.std() == pytest.approx(one.std() / 3, rel=0.05)
