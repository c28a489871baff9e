"""A simulated change of camera: labels that follow exactly, the same draw for the same seed and image."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from monai_ext.evaluation import change_camera
from monai_ext.evaluation.camera_light import Light, develop, draw_light
from monai_ext.evaluation.camera_view import MARGIN, OUTLINES, CameraView, Placing, draw_placing, draw_view
from monai_ext.landmarks import Frame, Landmarks
from monai_ext.landmarks.geometry import flip_matrix, scale_matrix
from monai_ext.transforms import Circle
from monai_ext.transforms.resample import resample

CIRCLE = Circle(251.0, 178.5, 170.0)
SIZE = (500, 360)
POINTS = np.array([[262.0, 190.0], [152.0, 165.0]])


def photograph(dots: bool = True) -> torch.Tensor:
    """(3, 360, 500) reddish disc on black, with dark dots at the landmarks."""
    y, x = np.mgrid[:360, :500]
    lit = np.clip(CIRCLE.radius - np.hypot(x - CIRCLE.x, y - CIRCLE.y) + 0.5, 0, 1)
    shade = 0.8 + 0.2 * np.sin(x / 60) * np.cos(y / 80)
    for px, py in POINTS if dots else ():
        shade = shade * (1 - 0.9 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 5.0**2)))
    picture = np.array([150.0, 90.0, 60.0])[:, None, None] * lit * shade
    return torch.from_numpy(gaussian_filter(picture, (0, 0.7, 0.7)).astype(np.float32))


def landmarks(status: list[int] | None = None) -> Landmarks:
    return Landmarks(("fovea", "disc"), POINTS, Frame(*SIZE), status)


def test_a_view_of_the_whole_image_scales_about_its_outer_edge() -> None:
    view = CameraView("rectangle", (249.5, 179.5), (250.0, 180.0), math.inf)
    sides = set()
    for seed in range(12):
        placing = draw_placing(np.random.default_rng(seed), view, turned=False)
        width, height = placing.size_wh
        expected = scale_matrix(placing.scale, placing.scale)
        if placing.flipped:
            expected = expected @ flip_matrix(500)
        np.testing.assert_allclose(placing.matrix, expected, atol=1e-9)
        assert abs(width - 500 * placing.scale) <= 0.5
        assert abs(height - 360 * placing.scale) <= 0.5
        sides.add(placing.flipped)
    assert sides == {False, True}


def test_a_spot_is_drawn_where_its_point_goes() -> None:
    y, x = np.mgrid[:360, :500]
    spot = torch.from_numpy(np.exp(-((x - 262.3) ** 2 + (y - 190.6) ** 2) / (2 * 6.0**2)))[None].float()
    for seed in range(8):
        rng = np.random.default_rng(seed)
        view = draw_view(rng, SIZE, CIRCLE, np.array([[262.3, 190.6]]))
        placing = draw_placing(rng, view, turned=True)
        drawn = resample(spot, placing.matrix, placing.size_wh, padding_mode="zeros")[0].double().numpy()
        row, column = np.mgrid[: drawn.shape[0], : drawn.shape[1]]
        weight = drawn * (drawn > 1e-3)
        found = np.array([(weight * column).sum(), (weight * row).sum()]) / weight.sum()
        expected = placing.matrix @ [262.3, 190.6, 1]
        np.testing.assert_allclose(found, expected[:2], atol=0.1)


def test_views_hold_the_points_with_a_margin_and_lie_on_the_photograph() -> None:
    seen = set()
    for seed in range(150):
        view = draw_view(np.random.default_rng(seed), SIZE, CIRCLE, POINTS)
        scale = min(view.radius, max(view.half))
        assert view.distance(POINTS).min() >= MARGIN * scale
        assert view.is_within(SIZE)
        corner = np.hypot(*view.half) if view.outline == "rectangle" else view.radius
        assert np.hypot(view.center[0] - CIRCLE.x, view.center[1] - CIRCLE.y) + corner <= CIRCLE.radius + 1e-9
        seen.add(view.outline)
    assert seen == set(OUTLINES)


def test_where_no_view_holds_the_points_the_photograph_is_taken_whole() -> None:
    everywhere = np.array([[252.0, 10.0], [252.0, 347.0], [83.0, 178.0], [419.0, 178.0]])
    view = draw_view(np.random.default_rng(0), SIZE, CIRCLE, everywhere)
    assert view == CameraView("circle", (CIRCLE.x, CIRCLE.y), (170.0, 170.0), 170.0)
    flat = draw_view(np.random.default_rng(0), SIZE, None, np.array([[0.0, 0.0], [499.0, 359.0]]))
    assert flat == CameraView("rectangle", (249.5, 179.5), (250.0, 180.0), math.inf)


def test_an_outline_ends_where_its_cut_or_its_circle_does() -> None:
    barrel = CameraView("barrel", (30.0, 20.0), (9.0, 6.0), 10.0)
    np.testing.assert_allclose(
        barrel.distance(np.array([[30.0, 20.0], [30.0, 25.0], [37.5, 20.0], [38.0, 26.0]])), [6.0, 1.0, 1.5, 0.0]
    )
    placing = Placing((100, 80), scale_matrix(2.0, 2.0), 2.0, False)
    inside = placing.inside(barrel)
    assert inside.shape == (80, 100)
    for x, y in ((61, 41), (45, 33), (70, 30), (61, 27)):
        old = np.array([(x + 0.5) / 2 - 0.5, (y + 0.5) / 2 - 0.5])
        assert inside[y, x] == pytest.approx(2 * barrel.distance(old), abs=1e-9)


@pytest.mark.slow
def test_labels_follow_and_dark_dots_are_where_they_say() -> None:
    image, outlines, flips = photograph(), set(), []
    plain = photograph(dots=False)
    for number in range(8):
        name = f"eye{number}"
        changed = change_camera(image, landmarks(), (0, 1), name)
        height, width = changed.pixels.shape[1:]
        matrix = np.array(changed.record["matrix"])
        np.testing.assert_allclose(changed.points, (POINTS @ matrix[:2, :2].T) + matrix[:2, 2], atol=1e-3)
        assert ((changed.points > 0) & (changed.points < [width - 1, height - 1])).all()
        assert np.linalg.det(matrix[:2, :2]) < 0 if changed.record["flipped"] else np.linalg.det(matrix[:2, :2]) > 0
        # the same draw without the dots tells them from shading and grain
        without = change_camera(plain, landmarks(), (0, 1), name).pixels.astype(float)
        loss = gaussian_filter((without - changed.pixels).sum(axis=0), 1.5)
        scale = math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
        for x, y in changed.points:
            row, column = np.mgrid[:height, :width]
            near = np.hypot(column - x, row - y) < 9 * scale
            weight = np.clip(loss - 0.3 * loss[near].max(), 0, None) * near
            found = np.array([(weight * column).sum(), (weight * row).sum()]) / weight.sum()
            np.testing.assert_allclose(found, [x, y], atol=max(0.6, 0.6 * scale))
        outlines.add(changed.record["outline"])
        flips.append(changed.record["flipped"])
    assert len(outlines) > 2
    assert 0 < sum(flips) < 8


def test_a_draw_depends_on_seed_and_id_alone() -> None:
    image = photograph()
    first = change_camera(image, landmarks(), (0, 1), "eye", 3)
    again = change_camera(image, landmarks(), (0, 1), "eye", 3)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.jpeg() == again.jpeg()
    for name, seed in (("eye", 4), ("eye2", 3)):
        assert change_camera(image, landmarks(), (0, 1), name, seed).record != first.record


def test_a_mirrored_image_swaps_partners_and_absent_landmarks_stay_absent() -> None:
    image, swapped, kept = photograph(), 0, 0
    for number in range(4):
        plain = change_camera(image, landmarks(), (0, 1), str(number))
        paired = change_camera(image, landmarks([1, 0]), (1, 0), str(number))
        assert paired.record["flipped"] == plain.record["flipped"]
        if paired.record["flipped"]:
            assert paired.status.tolist() == [0, 1]
            swapped += 1
        else:
            assert paired.status.tolist() == [1, 0]
            kept += 1
    assert swapped
    assert kept


def test_the_file_is_a_jpeg_of_the_drawn_quality() -> None:
    changed = change_camera(photograph(), landmarks(), (0, 1), "eye")
    with Image.open(io.BytesIO(changed.jpeg())) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (changed.pixels.shape[2], changed.pixels.shape[1])
        own = picture.quantization[0][0]
        reference = io.BytesIO()
        Image.fromarray(np.moveaxis(changed.pixels, 0, -1)).save(reference, "JPEG", quality=changed.quality)
        assert own == Image.open(reference).quantization[0][0]
    grey = change_camera(photograph()[:1], landmarks(), (0, 1), "eye")
    assert Image.open(io.BytesIO(grey.jpeg())).mode == "L"


def test_a_plain_light_changes_nothing_and_the_border_has_its_colour() -> None:
    picture = np.random.default_rng(0).uniform(20, 220, (3, 12, 17))
    inside = np.full((12, 17), 3.0)
    inside[:, 10:] = -3.0
    plain = Light(
        np.eye(3), 0.0, 1.0, (0.0, 0.0), 0.0, 0.0, np.zeros((0, 3)), 0.0, 0.0, np.array([9.0, 90.0, 250.0]), 80
    )
    rng = np.random.default_rng(1)
    drawn = develop(picture, inside, (8.0, 6.0), 10.0, plain, rng)
    np.testing.assert_array_equal(drawn[:, :, :10], np.rint(picture[:, :, :10]))
    assert np.abs(drawn[:, :, 10:].mean(axis=(1, 2)) - [9, 90, 250]).max() < 0.6
    lights = [draw_light(np.random.default_rng(seed), 3) for seed in range(60)]
    assert {tuple(light.border) for light in lights} >= {(0.0, 0.0, 0.0), (255.0, 255.0, 255.0)}
    assert all(35 <= light.quality <= 85 for light in lights)


def test_the_rim_is_as_dark_as_was_drawn() -> None:
    flat = np.full((1, 41, 41), 200.0)
    light = Light(np.eye(1), 0.0, 0.4, (0.0, 0.0), 0.0, 0.0, np.zeros((0, 3)), 0.0, 0.0, np.zeros(1), 80)
    drawn = develop(flat, np.full((41, 41), 9.0), (20.0, 20.0), 20.0, light, np.random.default_rng(0))
    assert drawn[0, 20, 20] == 200
    assert drawn[0, 20, 0] == 80  # at one radius from the middle
    assert drawn[0, 0, 20] == 80


def test_real_photographs_keep_their_landmarks(shared_data: Path) -> None:
    folder = shared_data / "idrid_fundus2"
    rows = {}
    for line in (folder / "landmarks.csv").read_text().splitlines()[1:]:
        image, name, x, y = line.split(",")[:4]
        rows.setdefault(image, {})[name] = (float(x), float(y))
    for image in sorted(rows)[::35]:
        with Image.open(folder / "images" / image) as picture:
            array = torch.from_numpy(np.moveaxis(np.asarray(picture), -1, 0).copy()).float()
        truth = Landmarks(("fovea", "optic_disc"), [rows[image][n] for n in ("fovea", "optic_disc")], Frame(1072, 712))
        changed = change_camera(array, truth, (0, 1), image)
        assert changed.record["circle_found"]
        height, width = changed.pixels.shape[1:]
        assert ((changed.points > 0) & (changed.points < [width - 1, height - 1])).all()
