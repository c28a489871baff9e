from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monai_ext.landmarks import InputError, Status
from monai_ext.phantoms.as_oct import NAMES, make_as_oct, make_section, render_as_oct
from monai_ext.phantoms.as_oct_plan import HEIGHT, MARGIN, SEEN, UNSEEN, WIDTH, AsOctPlan, draw_as_oct


def fine(plan: AsOctPlan, factor: float = 0.5) -> AsOctPlan:
    """The bare geometry with an A-scan for each column: as sharp as the pixels are, and upright."""
    plan = replace(plan.plain(), degrees=0.0).scaled(factor)
    levels = {**plan.levels, "ciliary": -40.0, "decay": 0.0, "cornea": 20.0, "sclera": 20.0}
    return replace(plan, levels=levels, scanner=replace(plan.scanner, scans=plan.width))


def test_equal_seeds_give_equal_phantoms():
    first, again = (make_as_oct(np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, make_as_oct(np.random.default_rng(5)).points)


def test_a_sample_is_a_quarter_of_what_the_scanner_stores_with_both_spurs():
    phantom = make_as_oct(np.random.default_rng(0))
    assert phantom.image.shape == (HEIGHT // 4, WIDTH // 4)
    assert phantom.image.dtype == np.uint8
    assert phantom.names == NAMES
    assert np.isfinite(phantom.points).all()
    assert phantom.points[0, 0] < phantom.image.shape[1] / 2 < phantom.points[1, 0]
    assert (phantom.landmarks.status == Status.DEFINED).all()


@pytest.mark.parametrize("factor", [0.25, 2.0])
def test_scaling_keeps_the_landmarks_in_place(factor):
    plan = draw_as_oct(np.random.default_rng(1))
    np.testing.assert_allclose((plan.scaled(factor).points + 0.5) / factor - 0.5, plan.points, atol=1e-9)


@pytest.mark.parametrize(("index", "half"), [(0, "left"), (1, "right")])
def test_spur_is_the_tip_of_the_painted_sclera(index, half):
    """Read off the picture: of the inner edge of the bright wall, the point that reaches farthest into the eye."""
    plan = draw_as_oct(np.random.default_rng(2))
    side = replace(getattr(plan, half), tip=0.2, recess=(0.05, 0.45), roll=0.0)
    plan = fine(replace(plan, **{half: side}))
    image = render_as_oct(plan).image.astype(float)
    spur = plan.points[index]
    reach = int(0.1 * plan.pixels_per_mm)
    columns = np.arange(round(spur[0]) - reach, round(spur[0]) + reach + 1)
    start = round(spur[1]) - int(0.4 * plan.pixels_per_mm * plan.aspect)
    below = image[start:, columns]
    # The edge is where the grey level falls through its half, between two rows.
    first = np.argmax(below < 0.5 * image[start, columns], axis=0)
    upper, lower = (below[first + shift, np.arange(len(columns))] for shift in (-1, 0))
    edge = start + first - 1 + (upper - 0.5 * image[start, columns]) / (upper - lower)
    tip = columns[np.argmax(edge)], edge.max()
    assert tip == pytest.approx(plan.points[index], abs=0.8)  # pixels of 1065 x 499: 0.08 % of the width
    assert edge[[0, -1]].max() < edge.max() - 1.5


def test_landmarks_are_where_a_turned_and_flattened_eye_has_its_spurs():
    plan = replace(draw_as_oct(np.random.default_rng(3)), degrees=4.0)
    turn, scale = np.deg2rad(4.0), np.array([plan.pixels_per_mm, plan.pixels_per_mm * plan.aspect])
    for sign, side, found in ((-1.0, plan.left, plan.tips[0]), (1.0, plan.right, plan.tips[1])):
        x, y = sign * side.spur, plan.surface.depth(side.spur) + side.wall + side.tip
        turned = np.array([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y])
        np.testing.assert_allclose(found, plan.apex + scale * turned, atol=1e-9)


def test_apex_of_the_cornea_is_where_the_plan_says():
    plan = fine(draw_as_oct(np.random.default_rng(3)))
    image = render_as_oct(plan).image.astype(float)
    column = image[:, round(plan.apex[0])]
    assert np.argmax(column > 60) == pytest.approx(plan.apex[1], abs=2.0)
    assert column[: round(plan.apex[1]) - 3].max() == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_mirrored_plan_gives_the_mirrored_image_and_swapped_points(seed):
    plan = draw_as_oct(np.random.default_rng(seed)).scaled(0.25)
    reflex = (0.0, 0.0, 0.0, 0.0)  # its brightness is random
    plan = replace(plan, scanner=replace(plan.scanner, looks=np.inf, reflex=reflex, limbs=(3.0, 0.0)))
    phantom, mirrored = render_as_oct(plan), render_as_oct(plan.mirrored())
    assert np.abs(mirrored.image[:, ::-1].astype(int) - phantom.image).max() <= 2
    flipped = phantom.points[::-1]
    expected = np.stack([plan.width - 1 - flipped[:, 0], flipped[:, 1]], axis=1)
    np.testing.assert_allclose(mirrored.points, expected, atol=1e-9)


def test_draws_are_plausible_and_varied():
    plans = [draw_as_oct(np.random.default_rng([7, i])) for i in range(80)]
    for plan in plans:
        assert (plan.points > MARGIN).all()
        assert (plan.points < np.array([WIDTH, HEIGHT]) - 1 - MARGIN).all()
        across = np.diff(plan.points, axis=0)[0] / (plan.pixels_per_mm, plan.pixels_per_mm * plan.aspect)
        assert 10.0 < np.hypot(*across) < 13.0  # millimetres, as in adult eyes
    # Flat, bowed and concave irides and closed angles occur, and the eye is seldom upright or centred.
    bulges = [plan.left.bulge for plan in plans]
    assert min(bulges) < -0.1
    assert max(bulges) > 0.4
    closed = np.array([plan.closed for plan in plans])
    assert 0.05 < closed.mean() < 0.4
    assert (closed.sum(axis=1) == 1).any()
    assert np.std([plan.degrees for plan in plans]) > 1.5


def test_the_iris_lies_on_the_wall_of_a_closed_angle_and_leaves_an_open_one_free():
    plans = [draw_as_oct(np.random.default_rng([7, i])) for i in range(40)]
    for plan in plans:
        for side, closed in zip((plan.left, plan.right), plan.closed, strict=True):
            front = side.iris_front(plan.surface)
            gap = front[:, 1] - side.inner_depth(plan.surface, front[:, 0])
            assert (gap > 0).all()
            assert bool(gap[front[:, 0] < side.spur - 0.1].min() < 0.0125) is closed


def test_a_cut_limb_loses_its_spur_and_only_that():
    rng = np.random.default_rng(5)
    lost = []
    for _ in range(20):
        plan = draw_as_oct(rng, cut=1.0)
        (missing,) = np.nonzero(np.isnan(plan.points).any(axis=1))[0]
        x = plan.tips[missing, 0]
        assert x < -MARGIN if missing == 0 else x > WIDTH - 1 + MARGIN
        other = plan.points[1 - missing]
        assert (other > MARGIN).all()
        assert (other < np.array([WIDTH, HEIGHT]) - 1 - MARGIN).all()
        lost.append(int(missing))
    assert set(lost) == {0, 1}


def test_a_section_of_a_cut_limb_says_that_its_spur_is_missing():
    phantom = make_section(np.random.default_rng([9, 2]))
    assert phantom.image.shape == (HEIGHT, WIDTH)
    expected = [Status.MISSING if np.isnan(point).any() else Status.DEFINED for point in phantom.points]
    assert phantom.landmarks.status.tolist() == expected
    assert sorted(expected) == [Status.MISSING, Status.DEFINED]


def test_the_unseen_setting_draws_nothing_that_training_sees():
    for name, intervals in UNSEEN.items():
        for low, high in intervals:
            assert all(high < start or low > end for start, end in SEEN[name]), name
    for setting, ranges in (("seen", SEEN), ("unseen", UNSEEN)):
        plan = draw_as_oct(np.random.default_rng(8), setting)
        drawn = {
            "pixels_per_mm": plan.pixels_per_mm,
            "aspect": plan.aspect,
            "radius": plan.surface.radius,
            "thickness": plan.surface.thickness,
            "looks": plan.scanner.looks,
            "range": plan.scanner.range,
            "reflex": plan.scanner.reflex[0],
        }
        for name, value in drawn.items():
            assert any(low <= value <= high for low, high in ranges[name]), (setting, name)


def test_an_unknown_setting_is_refused():
    with pytest.raises(InputError, match="no setting 'other' of the AS-OCT phantoms; use seen or unseen"):
        draw_as_oct(np.random.default_rng(0), "other")
