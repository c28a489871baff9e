"""Random changes as between cameras: exact values against loops, points that stay, ranges that are kept."""

from __future__ import annotations

import colorsys
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ext.landmarks.recipe import Augmentation
from monai_ext.transforms.intensity import NormalizeLandmarkImage
from monai_ext.transforms.rand_camera import (
    RandColor,
    RandColord,
    RandResolution,
    RandResolutiond,
    color_matrix,
    rand_camera,
)
from monai_ext.transforms.rand_light import RandHaze, RandHazed, RandShade, RandShaded


def picture(channels: int = 3, size: tuple[int, int] = (20, 33)) -> torch.Tensor:
    """(C, H, W) values 10 to 200, without symmetry."""
    y, x = np.mgrid[: size[0], : size[1]]
    planes = np.stack([np.sin(x / 4 + c) + np.cos(y / 3 + c * x / 9) for c in range(channels)])
    low, high = planes.min(), planes.max()
    return torch.from_numpy(10 + 190 * (planes - low) / (high - low)).float()


def test_a_third_of_a_turn_makes_red_green() -> None:
    np.testing.assert_allclose(color_matrix(2 * math.pi / 3, 1.0) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(color_matrix(1.1, 0.3) @ [0.4, 0.4, 0.4], [0.4] * 3, atol=1e-12)
    np.testing.assert_allclose(color_matrix(0.7, 0.0) @ [0.3, 0.6, 0.0], [0.3] * 3, atol=1e-12)
    for hue in (-0.4, 0.2):
        turned = color_matrix(hue, 1.0) @ np.array([0.6, 0.4, 0.35])
        before, after = colorsys.rgb_to_hsv(0.6, 0.4, 0.35)[0], colorsys.rgb_to_hsv(*turned)[0]
        # hue of the colour wheel is that angle but for its six straight sides
        assert ((after - before + 0.5) % 1 - 0.5) * 2 * math.pi == pytest.approx(hue, abs=0.1)


def test_color_is_a_map_and_a_power_of_each_channel_between_the_same_extremes() -> None:
    image = picture()
    change = RandColor(hue=30.0, saturation=0.5, channel_gamma=0.6)
    change.set_random_state(4)
    matrices, exponents = [], []
    for _ in range(40):
        result = change(image)
        matrix, gamma = change._matrix, change._exponents
        unit = (image.double().numpy() - 10) / 190
        expected = np.zeros_like(unit)
        for y in range(20):
            for x in range(33):
                expected[:, y, x] = np.clip(matrix @ unit[:, y, x], 0, 1) ** gamma
        np.testing.assert_allclose(result.numpy(), 10 + 190 * expected, atol=2e-3)
        matrices.append(matrix)
        exponents.append(gamma)
    powers = np.array(exponents)
    assert 1 / 1.6 <= powers.min() < 0.68
    assert 1.5 < powers.max() <= 1.6
    assert abs(np.corrcoef(powers.T)[0, 1]) < 0.5
    saturations = [np.linalg.norm(m @ [1, -1, 0]) / math.sqrt(2) for m in matrices]
    assert 0.5 <= min(saturations) < 0.6 < 1.4 < max(saturations) <= 1.5


def test_grey_images_have_no_hue() -> None:
    image = picture(1)
    assert torch.equal(RandColor(90.0, 0.9, 0.9)(image), image)


def test_shade_is_a_slope_and_a_bowl() -> None:
    image = picture()
    change = RandShade(0.6)
    change.set_random_state(1)
    darkest = []
    for _ in range(40):
        result = change(image)
        a, b, t = change._slope, change._bowl, change._direction
        assert 0 <= a <= 0.6
        assert 0 <= b <= 0.6
        expected = np.zeros((3, 20, 33))
        for row in range(20):
            for column in range(33):
                x, y = -1 + 2 * column / 32, -1 + 2 * row / 19
                along = min(max((1 + x * math.cos(t) + y * math.sin(t)) / 2, 0), 1)
                light = (1 - a * along) * (1 - b * (x * x + y * y) / 2)
                expected[:, row, column] = 10 + (image[:, row, column].numpy() - 10) * light
        np.testing.assert_allclose(result.numpy(), expected, atol=1e-3)
        assert result.flatten()[image.argmin()] == pytest.approx(10, abs=1e-4)
        darkest.append(float(((result - 10) / (image - 10).clamp(min=1)).amin()))
    assert min(darkest) < 0.45
    with pytest.raises(ValueError, match=r"1\.0"):
        RandShade(1.0)


def test_haze_grows_from_a_line_towards_one_side() -> None:
    image = picture()
    change = RandHaze(0.8)
    change.set_random_state(3)
    strengths, lines, saturated = [], [], 0
    for _ in range(60):
        result = change(image).numpy()
        a, b, t = change._light, change._line, change._direction
        expected = image.numpy().astype(float)
        for row in range(20):
            for column in range(33):
                x, y = -1 + 2 * column / 32, -1 + 2 * row / 19
                beyond = x * math.cos(t) + y * math.sin(t) - b
                expected[:, row, column] += 190 * a * max(beyond, 0) / (1 - b)
        saturated += int((expected > 200).any())
        expected = np.minimum(expected, 200)
        np.testing.assert_allclose(result, expected, atol=1e-2)
        strengths.append(a)
        lines.append(b)
    assert 18 <= strengths.count(0.0) <= 42
    assert saturated >= 10
    assert 0.6 < max(strengths) <= 0.8
    assert 0.1 <= min(lines) < 0.2 < 0.8 < max(lines) <= 0.9
    with pytest.raises(ValueError, match=r"-0\.1"):
        RandHaze(-0.1)


def test_hazy_images_stay_values_that_every_normalisation_takes() -> None:
    image = picture() * (255 / 200)
    change = RandHaze(3.0)
    change.set_random_state(3)
    for _ in range(20):
        result = change(image)
        assert float(result.amax()) <= 255 + 1e-4
        assert NormalizeLandmarkImage("imagenet")(result).isfinite().all()


def test_haze_of_a_seed_is_repeated_and_the_same_for_all_images_of_a_sample() -> None:
    image, step = picture(), RandHazed(("image", "again"), 2.0)
    step.set_random_state(2)
    first = [step({"image": image, "again": image}) for _ in range(6)]
    step.set_random_state(2)
    assert all(torch.equal(one["image"], step({"image": image, "again": image})["image"]) for one in first)
    assert all(torch.equal(one["image"], one["again"]) for one in first)
    assert not all(torch.equal(one["image"], image) for one in first)


def test_fewer_pixels_move_nothing() -> None:
    y, x = np.mgrid[:96, :144]
    spot = np.exp(-((x - 61.3) ** 2 + (y - 40.8) ** 2) / (2 * 8.0**2))
    image = torch.from_numpy(spot)[None].float()
    change = RandResolution(reduction=3.0)
    change.set_random_state(2)
    factors, losses = [], []
    for _ in range(25):
        weights = change(image)[0].double().numpy()
        assert (weights * x).sum() / weights.sum() == pytest.approx(61.3, abs=0.02)
        assert (weights * y).sum() / weights.sum() == pytest.approx(40.8, abs=0.02)
        factors.append(change._factor)
        losses.append(float((change(picture(1, (96, 144)), randomize=False) - picture(1, (96, 144))).abs().mean()))
    assert 1 <= min(factors) < 1.2
    assert 3.0 < max(factors) <= 4.0
    assert np.argmax(losses) == np.argmax(factors)


@pytest.mark.parametrize("channels", [1, 3])
def test_compression_is_that_of_a_jpeg_file(channels: int) -> None:
    image = picture(channels, (48, 64))
    change = RandResolution(jpeg=70)
    change.set_random_state(3)
    qualities = []
    for _ in range(20):
        result = change(image).numpy()
        levels = np.round(255 * (image.numpy() - 10) / 190).astype(np.uint8)
        array = np.moveaxis(levels, 0, -1)
        buffer = io.BytesIO()
        Image.fromarray(array[..., 0] if channels == 1 else array).save(buffer, "JPEG", quality=change._quality)
        opened = np.asarray(Image.open(buffer), dtype=float)
        expected = np.moveaxis(opened.reshape(48, 64, channels), -1, 0)
        # another build of the same format may round otherwise
        assert np.abs((result - 10) / 190 * 255 - expected).mean() < 0.5
        qualities.append(change._quality)
    assert 30 <= min(qualities) < 45
    assert 85 < max(qualities) <= 100


def test_each_range_adds_its_transform_and_zero_none() -> None:
    names = {"shade": RandShaded, "hue": RandColord, "resolution": RandResolutiond}
    assert rand_camera(Augmentation()) == []
    for name, kind in names.items():
        (step,) = rand_camera(Augmentation(**{name: 0.5}))
        assert isinstance(step, kind)
    assert len(rand_camera(Augmentation(hue=5, saturation=0.1, channel_gamma=0.1))) == 1
    every = Augmentation(hue=9, saturation=0.2, channel_gamma=0.2, shade=0.2, resolution=1, jpeg=9)
    assert [type(step) for step in rand_camera(every)] == [RandShaded, RandColord, RandResolutiond]


def test_images_of_a_sample_are_changed_alike_and_a_seed_repeats_it() -> None:
    image = picture()
    every = Augmentation(hue=20, saturation=0.4, channel_gamma=0.4, shade=0.5, resolution=2, jpeg=50)
    for step in rand_camera(every, ("image", "again")):
        step.set_random_state(11)
        first = step({"image": image, "again": image, "id": 5})
        step.set_random_state(11)
        second = step({"image": image, "again": image, "id": 5})
        assert torch.equal(first["image"], first["again"])
        assert torch.equal(first["image"], second["image"])
        assert not torch.equal(first["image"], step({"image": image, "again": image})["image"])
        assert first["id"] == 5
    constant = torch.full((3, 9, 8), 7.0)
    for step in rand_camera(every):
        torch.testing.assert_close(step({"image": constant})["image"], constant)


def test_values_of_any_range_are_changed_alike() -> None:
    image = picture()
    for step in rand_camera(Augmentation(hue=20, saturation=0.4, channel_gamma=0.4, shade=0.5, resolution=2)):
        step.set_random_state(5)
        eight_bits = step({"image": image})["image"]
        step.set_random_state(5)
        sixteen_bits = step({"image": image * 257 + 1000})["image"]
        np.testing.assert_allclose((sixteen_bits.numpy() - 1000) / 257, eight_bits.numpy(), atol=1e-3)
