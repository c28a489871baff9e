from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monai_ext.phantoms.as_oct import NAMES, AsOctPlan, draw_as_oct, make_as_oct, render_as_oct

ZOOM = 8


def zoomed(plan: AsOctPlan) -> AsOctPlan:
    """The same picture with pixels an eighth as wide; edges of the image stay edges."""
    return replace(
        plan,
        width=plan.width * ZOOM,
        height=plan.height * ZOOM,
        apex=tuple((value + 0.5) * ZOOM - 0.5 for value in plan.apex),
        pixels_per_mm=plan.pixels_per_mm * ZOOM,
    )


def test_equal_seeds_give_equal_phantoms():
    first, again = (make_as_oct(np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, make_as_oct(np.random.default_rng(5)).points)


def test_phantom_is_a_grey_image_with_both_spurs():
    phantom = make_as_oct(np.random.default_rng(0))
    assert phantom.image.ndim == 2
    assert phantom.image.dtype == np.uint8
    assert phantom.names == NAMES
    assert np.isfinite(phantom.points).all()
    assert phantom.points[0, 0] < phantom.image.shape[1] / 2 < phantom.points[1, 0]


def test_zoom_keeps_the_landmarks_in_place():
    plan = draw_as_oct(np.random.default_rng(1))
    np.testing.assert_allclose((zoomed(plan).points + 0.5) / ZOOM - 0.5, plan.points, atol=1e-9)


@pytest.mark.parametrize(("index", "half"), [(0, "left"), (1, "right")])
def test_spur_is_the_tip_of_the_sclera(index, half):
    plan = draw_as_oct(np.random.default_rng(2)).plain()
    side = replace(getattr(plan, half), tip=0.2, recess=(0.05, 0.45))
    plan = replace(plan, degrees=0.0, **{half: side})
    image = render_as_oct(zoomed(plan)).image.astype(float)
    spur = (plan.points[index] + 0.5) * ZOOM - 0.5
    reach = int(0.1 * plan.pixels_per_mm * ZOOM)
    columns = np.arange(round(spur[0]) - reach, round(spur[0]) + reach + 1)
    # From the front surface down, the first row that is darker than sclera: ciliary body or anterior chamber.
    start = round(spur[1]) - int(0.6 * plan.pixels_per_mm * ZOOM)
    dark = image[start:, columns] < 0.5 * image[start, columns].mean()
    depth = start + np.argmax(dark, axis=0)
    tip = columns[depth == depth.max()].mean(), depth.max() - 0.5
    assert (np.array(tip) + 0.5) / ZOOM - 0.5 == pytest.approx(plan.points[index], abs=0.3)


def test_apex_of_the_cornea_is_where_the_plan_says():
    plan = replace(draw_as_oct(np.random.default_rng(3)).plain(), degrees=0.0)
    image = render_as_oct(zoomed(plan)).image.astype(float)
    column = image[:, round((plan.apex[0] + 0.5) * ZOOM - 0.5)]
    assert (np.argmax(column) + 0.5) / ZOOM - 0.5 == pytest.approx(plan.apex[1] + 0.02 * plan.pixels_per_mm, abs=1.0)


@pytest.mark.parametrize("seed", [1, 2])
def test_mirrored_plan_gives_the_mirrored_image_and_swapped_points(seed):
    plan = replace(draw_as_oct(np.random.default_rng(seed)), looks=np.inf)
    phantom, mirrored = render_as_oct(plan), render_as_oct(plan.mirrored())
    assert np.abs(mirrored.image[:, ::-1].astype(int) - phantom.image).max() <= 2
    flipped = phantom.points[::-1]
    expected = np.stack([plan.width - 1 - flipped[:, 0], flipped[:, 1]], axis=1)
    np.testing.assert_allclose(mirrored.points, expected, atol=1e-9)


def test_draws_are_plausible_and_varied():
    plans = [draw_as_oct(np.random.default_rng([7, i])) for i in range(60)]
    for plan in plans:
        assert (plan.points > 10).all()
        assert (plan.points < np.array([plan.width, plan.height]) - 11).all()
        width = np.hypot(*(plan.points[1] - plan.points[0])) / plan.pixels_per_mm
        assert 10.0 < width < 13.0  # millimetres, as in adult eyes
    # Open and nearly closed chamber angles occur, and the eye is seldom upright or centred.
    bulges = [plan.left.bulge for plan in plans]
    assert min(bulges) < 0.1
    assert max(bulges) > 0.4
    assert np.std([plan.degrees for plan in plans]) > 1.5
