from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monai_ext.landmarks import find_protocol
from monai_ext.phantoms.face import make_face, render_face
from monai_ext.phantoms.face_plan import NAMES, FacePlan, draw_face

ZOOM = 6
SKIN = np.array([0.55, 0.35, 0.25])


def plain_plan(zoom: float = ZOOM) -> FacePlan:
    """An upright face in flat colours, bald, with a closed mouth, its pixels narrowed by ``zoom``."""
    plan = draw_face(np.random.default_rng(8)).plain()
    return replace(
        plan,
        width=int(plan.width * zoom),
        height=int(plan.height * zoom),
        center=((118.6 + 0.5) * zoom - 0.5, (121.3 + 0.5) * zoom - 0.5),
        scale=71.0 * zoom,
        roll=0.0,
        yaw=0.0,
        pitch=0.0,
        shape=replace(plan.shape, gap=0.0, upper_lid=0.1, lower_lid=0.07, brow=0.32, brow_tilt=0.05),
        skin=SKIN,
        lip=np.array([0.8, 0.1, 0.1]),
        hair_style="none",
    )


def differs(image: np.ndarray) -> np.ndarray:
    """Which pixels are not skin."""
    return np.abs(image / 255.0 - SKIN).max(axis=-1) > 0.03


def point(plan: FacePlan, name: str) -> np.ndarray:
    return plan.points[NAMES.index(name)]


def test_names_are_those_of_the_protocol():
    assert find_protocol("face").landmark_names == NAMES


def test_equal_seeds_give_equal_phantoms():
    first, again = (make_face(np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, make_face(np.random.default_rng(5)).points)


def test_phantom_is_a_colour_image_with_all_points():
    phantom = make_face(np.random.default_rng(0))
    assert phantom.image.shape[2] == 3
    assert phantom.image.dtype == np.uint8
    assert phantom.points.shape == (14, 2)
    assert np.isfinite(phantom.points).all()


@pytest.mark.parametrize(
    ("left", "right"), [("right_exocanthion", "right_endocanthion"), ("left_endocanthion", "left_exocanthion")]
)
def test_corners_of_the_eyes_are_where_the_lids_meet(left, right):
    plan = plain_plan()
    mask = differs(render_face(plan).image)
    # One eye: between the midline and the ear, below the brow, above the nose.
    eye = np.zeros_like(mask)
    reach, middle = 0.14 * plan.scale, plan.center
    x0, x1 = sorted((middle[0], middle[0] + np.sign(point(plan, left)[0] - middle[0]) * 0.8 * plan.scale))
    rows = slice(int(middle[1] - reach), int(middle[1] + reach))
    eye[rows, int(x0) : int(x1)] = mask[rows, int(x0) : int(x1)]
    columns = np.flatnonzero(eye.any(axis=0))
    for name, column in ((left, columns[0]), (right, columns[-1])):
        found = np.array([column, np.flatnonzero(eye[:, column]).mean()])
        assert found / ZOOM == pytest.approx(point(plan, name) / ZOOM, abs=0.3)


def test_lips_and_corners_of_the_mouth_are_where_the_red_ends():
    plan = plain_plan()
    image = render_face(plan).image.astype(float)
    red = image[..., 0] - image[..., 1] > 0.35 * 255
    column = np.flatnonzero(red[:, round(point(plan, "subnasale")[0])])
    assert (column[0] - 0.5) / ZOOM == pytest.approx(point(plan, "labiale_superius")[1] / ZOOM, abs=0.2)
    assert (column[-1] + 0.5) / ZOOM == pytest.approx(point(plan, "labiale_inferius")[1] / ZOOM, abs=0.2)
    columns = np.flatnonzero(red.any(axis=0))
    for name, end in (("right_cheilion", columns[0]), ("left_cheilion", columns[-1])):
        found = np.array([end, np.flatnonzero(red[:, end]).mean()])
        assert found / ZOOM == pytest.approx(point(plan, name) / ZOOM, abs=0.4)


def test_gnathion_is_the_lowest_point_of_the_chin():
    plan = plain_plan()
    image = render_face(plan).image
    x, y = point(plan, "gnathion")
    lip = int(point(plan, "labiale_inferius")[1]) + 3
    chin = ~differs(image)[lip:, round(x)]
    assert (lip + np.argmin(chin) - 0.5) / ZOOM == pytest.approx(y / ZOOM, abs=0.2)


@pytest.mark.parametrize("side", ["right", "left"])
def test_pupils_are_the_middle_of_the_black_of_the_eye(side):
    plan = replace(plain_plan(), gaze=np.array([0.02, -0.005]), iris=np.array([0.4, 0.5, 0.6]))
    black = render_face(plan).image.max(axis=-1) < 25
    x, y = point(plan, f"{side}_pupil")
    reach = round(0.12 * plan.scale)
    rows, columns = np.nonzero(black[round(y) - reach : round(y) + reach, round(x) - reach : round(x) + reach])
    found = np.array([columns.mean() + round(x) - reach, rows.mean() + round(y) - reach])
    assert found / ZOOM == pytest.approx(np.array([x, y]) / ZOOM, abs=0.2)


def test_nose_tip_carries_the_highlight_and_the_wings_the_creases():
    plan = replace(plain_plan(3), detail=1.0, light=np.array([0.0, 0.0, 1.0]))
    image = render_face(plan).image.astype(float).mean(axis=-1)
    tip = plan.to_pixels(plan.shape.midline()[1]).round().astype(int)
    near = image[tip[1] - 20 : tip[1] + 21, tip[0] - 30 : tip[0] + 31]
    assert near.max() > 1.2 * 255 * SKIN.mean()
    for name, sign in (("right_alare", -1), ("left_alare", 1)):
        x, y = point(plan, name).round().astype(int)
        across = image[y, x - 12 : x + 13]
        assert abs(int(np.argmin(across)) - 12) <= 2 * 3
        assert across.min() < image[y, x + sign * 15]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mirrored_plan_gives_the_mirrored_image_and_swapped_points(seed):
    plan = replace(draw_face(np.random.default_rng(seed)).plain(), detail=0.0)
    phantom, mirrored = render_face(plan), render_face(plan.mirrored())
    difference = np.abs(mirrored.image[:, ::-1].astype(int) - phantom.image)
    assert difference.mean() < 0.02
    flipped = phantom.points[list(find_protocol("face").swap)]
    expected = np.stack([plan.width - 1 - flipped[:, 0], flipped[:, 1]], axis=1)
    np.testing.assert_allclose(mirrored.points, expected, atol=1e-9)


def test_yaw_moves_the_nose_towards_the_turn_more_than_the_eyes():
    plan = replace(plain_plan(1), yaw=15.0)
    straight = plain_plan(1)
    root, tip = (plan.to_pixels(plan.shape.midline()[:2]) - straight.to_pixels(straight.shape.midline()[:2]))[:, 0]
    assert tip > 5
    assert tip > root > 0
    shift = plan.points - straight.points
    assert shift[NAMES.index("subnasale"), 0] > shift[NAMES.index("right_pupil"), 0]


def test_draws_are_plausible_and_varied():
    plans = [draw_face(np.random.default_rng([7, i])) for i in range(60)]
    for plan in plans:
        assert (plan.points > 8).all()
        assert (plan.points < np.array([plan.width, plan.height]) - 9).all()
        assert point(plan, "right_exocanthion")[0] < point(plan, "left_exocanthion")[0]
    assert {plan.hair_style for plan in plans} == {"short", "fringe", "long", "none"}
    brightness = [plan.skin.mean() for plan in plans]
    assert min(brightness) < 0.35 < 0.65 < max(brightness)
    assert np.std([plan.roll for plan in plans]) > 4
    assert min(plan.yaw for plan in plans) < -5 < 5 < max(plan.yaw for plan in plans)
    assert {plan.shape.gap == 0 for plan in plans} == {True, False}
