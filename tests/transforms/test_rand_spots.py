"""Random spots: exact values against a loop, their number, places, sizes and colours, and the chain they stand in."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monai_ext.transforms.rand_light import LARGEST, MOST, SMALLEST, RandSpots, RandSpotsd, Spot


def picture(channels: int = 3, size: tuple[int, int] = (24, 37)) -> torch.Tensor:
    """(C, H, W) values 10 to 200."""
    values = torch.rand((channels, *size), generator=torch.Generator().manual_seed(3))
    low, high = values.aminmax()
    return 10 + 190 * (values - low) / (high - low)


def drawn(spot: Spot, image: torch.Tensor) -> np.ndarray:
    """A spot added at every pixel, one by one."""
    unit = (image.double().numpy() - 10) / 190
    height, width = unit.shape[1:]
    side = max(height, width)
    for row in range(height):
        for column in range(width):
            dx, dy = column - (spot.x * width - 0.5), row - (spot.y * height - 0.5)
            along = dx * math.cos(spot.turn) + dy * math.sin(spot.turn)
            across = dy * math.cos(spot.turn) - dx * math.sin(spot.turn)
            u, v = along / (spot.radius * side * spot.length), across * spot.length / (spot.radius * side)
            unit[:, row, column] += np.array(spot.change) * math.exp(-(((u * u + v * v) / 2) ** spot.power))
    return 10 + 190 * unit.clip(0, 1)


@pytest.mark.parametrize(
    "spot",
    [
        Spot(0.4, 0.6, 0.05, 1.0, 0.0, 1.0, (0.3, -0.2, 0.1)),
        Spot(0.5, 0.5, 0.09, 1.4, 0.7, 4.0, (-0.5, -0.5, -0.2)),
        Spot(0.0, 1.0, 0.08, 1.2, 2.0, 2.0, (0.6, 0.6, 0.6)),  # in a corner
        Spot(0.999, 0.02, 0.006, 1.0, 0.0, 1.0, (0.4, 0.4, 0.4)),  # smaller than a pixel
    ],
)
def test_a_spot_is_what_its_formula_says(spot: Spot) -> None:
    image = picture()
    change = RandSpots(0.6)
    change._drawn = [spot]
    result = change(image, randomize=False)
    # beyond four radii it is not drawn: 0.03 % of the change, which is at most 0.6 of 190
    np.testing.assert_allclose(result.numpy(), drawn(spot, image), atol=0.05)
    assert result.dtype == torch.float32


def test_a_turned_spot_is_longer_along_its_axis() -> None:
    image = torch.zeros(1, 101, 101)
    image[0, 0, 0] = 1.0  # gives the image a range
    change = RandSpots(0.5)
    change._drawn = [Spot(0.5, 0.5, 0.05, math.sqrt(2), math.radians(30), 1.0, (0.5,))]
    light = change(image, randomize=False)[0].double()
    light[0, 0] = 0
    y, x = torch.meshgrid(*[torch.arange(101.0) - 50] * 2, indexing="ij")
    covariance = torch.tensor([[(light * a * b).sum() for a in (x, y)] for b in (x, y)]) / light.sum()
    values, axes = torch.linalg.eigh(covariance)
    assert values.sqrt().tolist() == pytest.approx([5.05 / math.sqrt(2), 5.05 * math.sqrt(2)], rel=0.02)
    assert abs(math.degrees(math.atan2(axes[1, 1], axes[0, 1])) % 180) == pytest.approx(30, abs=1)


def test_what_is_drawn() -> None:
    change = RandSpots(0.5)
    change.set_random_state(5)
    numbers, spots = [], []
    for _ in range(400):
        change(picture())
        numbers.append(len(change._drawn))
        spots.extend(change._drawn)
    assert np.bincount(numbers, minlength=MOST + 1).tolist() == pytest.approx([400 / 7] * 7, abs=25)
    radii = np.log([spot.radius for spot in spots])
    assert math.log(SMALLEST) <= radii.min() < radii.max() <= math.log(LARGEST)
    assert radii.mean() == pytest.approx((math.log(SMALLEST) + math.log(LARGEST)) / 2, abs=0.1)
    for name in ("x", "y"):
        places = np.array([getattr(spot, name) for spot in spots])
        assert 0 <= places.min() < 0.01
        assert 0.99 < places.max() <= 1
    changes = np.array([spot.change for spot in spots])
    assert 0.45 < np.abs(changes).max() <= 0.5
    assert (np.sign(changes) == np.sign(changes[:, :1])).all()
    assert 0.4 < (changes[:, 0] > 0).mean() < 0.6
    shares = np.abs(changes).min(1) / np.abs(changes).max(1)
    assert 0.4 <= shares.min() < 0.5
    assert 1 <= min(s.power for s in spots) < 1.1
    assert 3.9 < max(s.power for s in spots) <= 4


def test_a_seed_is_repeated_and_all_images_of_a_sample_have_the_same_spots() -> None:
    image, step = picture(), RandSpotsd(("image", "again"), 0.8)
    step.set_random_state(2)
    first = [step({"image": image, "again": image}) for _ in range(6)]
    step.set_random_state(2)
    assert all(torch.equal(one["image"], step({"image": image, "again": image})["image"]) for one in first)
    assert all(torch.equal(one["image"], one["again"]) for one in first)
    assert len({float(one["image"].sum()) for one in first}) > 3
    assert float(image.min()) == 10  # the image itself is left as it is


def test_values_stay_within_the_image_and_an_even_image_stays_even() -> None:
    step = RandSpots(1.0)
    step.set_random_state(0)
    for _ in range(20):
        result = step(picture(1))
        assert result.min() >= 10 - 1e-4
        assert result.max() <= 200 + 1e-3
        assert torch.equal(step(torch.full((1, 8, 9), 7.0)), torch.full((1, 8, 9), 7.0))


def test_a_negative_strength_is_refused() -> None:
    with pytest.raises(ValueError, match=r"-0\.5"):
        RandSpots(-0.5)
