from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monai_ext.phantoms.fundus import NAMES, make_fundus, render_fundus
from monai_ext.phantoms.fundus_plan import FundusPlan, draw_fundus
from monai_ext.phantoms.fundus_vessels import AVASCULAR, grow_vessels


def plain_plan(**changes: object) -> FundusPlan:
    plan = draw_fundus(np.random.default_rng(11)).plain()
    given = {
        "center": (231.3, 168.8),
        "view": plan.fovea / 2,
        "degrees": 12.0,
        "tint": np.array([0.6, 0.3, 0.1]),
        "disc_tint": np.array([0.98, 0.7, 0.5]),
        "gamma": 1.0,
        "gain": 1.0,
        "macula": (0.0, 0.0),
    }
    return replace(plan, **(given | changes))


def mask_centroid(mask: np.ndarray) -> tuple[float, float]:
    y, x = np.nonzero(mask)
    return float(x.mean()), float(y.mean())


def test_equal_seeds_give_equal_phantoms():
    first, again = (make_fundus(np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, make_fundus(np.random.default_rng(5)).points)


def test_phantom_is_a_non_square_colour_image_with_both_landmarks():
    phantom = make_fundus(np.random.default_rng(0))
    height, width, channels = phantom.image.shape
    assert (phantom.image.dtype, channels, phantom.names) == (np.uint8, 3, NAMES)
    assert width > 1.15 * height
    assert np.isfinite(phantom.points).all()
    assert phantom.landmarks.frame.size == (width, height)
    assert phantom.landmarks.frame.unit == "px"


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.37, -0.41)])
def test_disc_is_drawn_at_its_landmark(side, shift):
    phantom = render_fundus(plain_plan(side=side, center=(231.3 + shift[0], 168.8 + shift[1])))
    blue = phantom.image[..., 2].astype(float)
    assert mask_centroid(blue > 0.35 * 255) == pytest.approx(phantom.points[1], abs=0.1)


@pytest.mark.parametrize("side", [1, -1])
def test_fovea_is_the_darkest_place_of_the_retina(side):
    dark = render_fundus(plain_plan(side=side, macula=(0.34, 0.36)))
    bright = render_fundus(plain_plan(side=side))
    loss = bright.image[..., 1].astype(float) - dark.image[..., 1]
    assert mask_centroid(loss > 0.6 * loss.max()) == pytest.approx(dark.points[0], abs=0.15)
    np.testing.assert_array_equal(dark.points, bright.points)


@pytest.mark.parametrize("seed", [1, 2])
def test_mirrored_plan_gives_the_mirrored_image_and_points(seed):
    plan = replace(draw_fundus(np.random.default_rng(seed)), texture=0.0, noise=0.0)
    phantom, mirrored = render_fundus(plan), render_fundus(plan.mirrored())
    difference = mirrored.image[:, ::-1].astype(int) - phantom.image
    # Rounding of the disc centres of strokes may differ at the edges of thin vessels.
    assert np.abs(difference).mean() < 0.02
    expected = np.stack([plan.width - 1 - phantom.points[:, 0], phantom.points[:, 1]], axis=1)
    np.testing.assert_allclose(mirrored.points, expected, atol=1e-9)


def test_draws_are_plausible_and_varied():
    plans = [draw_fundus(np.random.default_rng([7, i])) for i in range(40)]
    for plan in plans:
        size = np.array([plan.width, plan.height])
        assert (plan.points > 10).all()
        assert (plan.points < size - 11).all()
        assert np.hypot(*(plan.points - plan.center).T).max() < plan.radius
        fovea, disc = plan.points
        assert 2.0 < np.hypot(*(fovea - disc)) / plan.disc_diameter < 3.3
        assert np.sign(fovea[0] - disc[0]) == plan.side
    assert 8 < sum(plan.side == 1 for plan in plans) < 32
    assert len({(plan.width, plan.height) for plan in plans}) > 20
    assert 0.2 < np.mean([plan.radius > plan.height / 2 for plan in plans]) < 0.9  # cut at top and bottom
    assert np.mean([plan.fovea[1] for plan in plans]) > 0.15  # slightly below the disc centre


def test_vessels_leave_the_disc_taper_and_spare_the_fovea():
    fovea = np.array([2.6, 0.3])
    vessels = grow_vessels(np.random.default_rng(3), fovea)
    assert {vessel.vein for vessel in vessels} == {True, False}
    assert sum(np.hypot(*vessel.points[0]) < 0.25 for vessel in vessels) >= 8
    points = np.concatenate([vessel.points for vessel in vessels])
    assert np.hypot(*(points - fovea).T).min() >= AVASCULAR
    assert all((np.diff(vessel.radii) <= 1e-12).all() for vessel in vessels)
    # The temporal arcades pass above and below the fovea, on both sides.
    over = points[np.abs(points[:, 0] - fovea[0]) < 0.3]
    assert over[:, 1].min() < fovea[1] - 1.3
    assert over[:, 1].max() > fovea[1] + 1.3
