"""The lit circle of a fundus photograph, and the fit of it into the network input."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.geometry import transform_points
from monai_ext.transforms import (
    Circle,
    FieldOfViewd,
    FitLandmarksd,
    RandAffineLandmarksd,
    Region,
    find_field_of_view,
    to_original,
)
from monai_ext.transforms.pipeline import inference_transforms, training_transforms
from monai_ext.transforms.visible_field import RandSurroundd

REAL = Path(__file__).parents[3] / "shared" / "data" / "idrid_fundus2"


@cache
def _photograph(size_wh: tuple[int, int], circle: Circle, dark: float, light: float, soft: float) -> torch.Tensor:
    rng = np.random.default_rng(7)
    width, height = size_wh
    y, x = ((np.arange(4 * side) + 0.5) / 4 - 0.5 for side in (height, width))
    inside = np.hypot(x - circle.x, (y - circle.y)[:, None]) <= circle.radius
    inside = inside.reshape(height, 4, width, 4).mean(axis=(1, 3))
    inside = gaussian_filter(inside, soft)
    uneven = 0.75 + 0.25 * np.cos((np.arange(width) - 0.4 * width) / width * 2)
    uneven = uneven + 0.1 * gaussian_filter(rng.normal(size=inside.shape), 9)
    red = dark + (light - dark) * inside * uneven
    channels = np.stack([red, dark + (0.5 * light - dark) * inside * uneven, np.full_like(red, 0.7 * dark)])
    return torch.from_numpy((channels + rng.normal(scale=1.5, size=channels.shape)).clip(0, 255).astype(np.float32))


def photograph(
    size_wh: tuple[int, int], circle: Circle, *, dark: float = 4.0, light: float = 120.0, soft: float = 1.0
) -> torch.Tensor:
    """(3, H, W) reddish disc with uneven light, grain and a soft rim on a dark surround, from 4 x 4 samples a pixel."""
    return _photograph(size_wh, circle, dark, light, soft).clone()


WHOLE = Circle(300.3, 201.7, 170.4)
CUT = Circle(330.0, 205.5, 260.2)  # above and below the image, as many cameras store it
CUT_THREE = Circle(420.9, 190.0, 250.0)  # above, below and at the right


@pytest.mark.parametrize("circle", [WHOLE, CUT, CUT_THREE])
@pytest.mark.parametrize(("dark", "light"), [(4.0, 120.0), (0.0, 45.0), (25.0, 230.0)])
def test_the_circle_is_found_to_half_a_percent_of_its_radius(circle: Circle, dark: float, light: float) -> None:
    found = find_field_of_view(photograph((600, 400), circle, dark=dark, light=light))
    assert found is not None
    np.testing.assert_allclose(found, circle, rtol=0, atol=0.005 * circle.radius)


def test_size_range_and_aspect_do_not_matter() -> None:
    image = photograph((1500, 1000), Circle(740.0, 512.0, 455.0))
    found = find_field_of_view(image / 255 - 0.3)
    assert found is not None
    np.testing.assert_allclose(found, (740.0, 512.0, 455.0), rtol=0, atol=0.005 * 455)
    portrait = find_field_of_view(image.transpose(1, 2))
    assert portrait is not None
    np.testing.assert_allclose(portrait, (512.0, 740.0, 455.0), rtol=0, atol=0.005 * 455)


def test_a_notch_a_label_and_a_dark_half_do_not_move_it() -> None:
    image = photograph((600, 400), WHOLE)
    image[:, 60:95, 425:470] = 4.0  # a notch in the rim
    image[:, 370:390, 20:120] = 200.0  # a label in the corner
    image[:, 240:380, 300:420] *= 0.35  # a shadow over the rim
    found = find_field_of_view(image)
    assert found is not None
    np.testing.assert_allclose(found, WHOLE, rtol=0, atol=0.01 * WHOLE.radius)


@pytest.mark.parametrize("surround", [4.0, 255.0])
def test_straight_cuts_of_the_camera_are_found_and_what_is_beyond_them_turns_black(surround: float) -> None:
    image = photograph((600, 400), WHOLE)
    y, x = torch.meshgrid(torch.arange(400.0), torch.arange(600.0), indexing="ij")
    lit = ((x - WHOLE.x).hypot(y - WHOLE.y) <= WHOLE.radius) & ((y - WHOLE.y).abs() <= 131.0)
    image = torch.where(lit, image, torch.full_like(image, surround))

    found = FieldOfViewd()({"image": image})["field"]
    assert found is not None
    np.testing.assert_allclose((found.x, found.y, found.radius), WHOLE, rtol=0, atol=0.01 * WHOLE.radius)
    assert found.half_height == pytest.approx(131.0, abs=2.5)  # two pixels of the search are 3.75 of the image
    assert np.isinf(found.half_width)
    drawn = RandSurroundd()({"image": image, "field": found, "matrix": torch.eye(3, dtype=torch.float64)})["image"]
    beyond = (y - WHOLE.y).abs() > 134.0
    assert float(drawn[:, beyond].abs().max()) == 0.0
    assert float(drawn[0, 200, 300]) == float(image[0, 200, 300])


def test_a_whole_circle_is_not_cut() -> None:
    found = FieldOfViewd()({"image": photograph((600, 400), WHOLE)})["field"]
    assert (found.half_width, found.half_height) == (np.inf, np.inf)


def test_what_shows_no_circle_is_taken_whole() -> None:
    rng = np.random.default_rng(3)
    everywhere_lit = photograph((600, 400), Circle(300.0, 200.0, 900.0))
    square = torch.full((3, 300, 300), 2.0)
    square[:, 60:240, 50:250] = 140.0
    noise = torch.from_numpy(rng.normal(size=(1, 200, 200)).astype(np.float32))
    for image in (everywhere_lit, square, noise, torch.zeros(1, 64, 64), torch.full((3, 5, 7), 9.0)):
        assert find_field_of_view(image) is None
        sample = FieldOfViewd(keys="image")({"image": image})
        assert sample["region"] == Region(-0.5, -0.5, image.shape[-1], image.shape[-2])


def test_the_fit_scales_the_circle_into_the_input() -> None:
    region = Region.around(*CUT)
    sample = {
        "image": torch.zeros(1, 400, 600),
        "points": torch.tensor([[330.0, 205.5], [69.8, 205.5]]),
        "region": region,
    }
    fitted = FitLandmarksd(keys="image", points_key="points", size_wh=(256, 256), padding_mode="zeros")(sample)
    # the centre of the circle is the middle of the input; its leftmost edge is the outer edge of the first column
    np.testing.assert_allclose(fitted["points"].numpy(), [[127.5, 127.5], [-0.5, 127.5]], atol=1e-4)
    back = to_original(fitted["points"].double().numpy(), fitted["matrix"].numpy())
    np.testing.assert_allclose(back, [[330.0, 205.5], [69.8, 205.5]], atol=1e-4)
    assert fitted["image"].shape == (1, 256, 256)


def test_without_a_region_the_fit_is_of_the_image() -> None:
    image, points = torch.rand(1, 40, 60), torch.tensor([[3.0, 4.0]])
    plain = FitLandmarksd(keys="image", points_key="points", size_wh=(96, 64))({"image": image, "points": points})
    whole = Region.of_image(60, 40)
    with_region = FitLandmarksd(keys="image", points_key="points", size_wh=(96, 64))(
        {"image": image, "points": points, "region": whole}
    )
    assert torch.equal(plain["matrix"], with_region["matrix"])
    assert torch.equal(plain["image"], with_region["image"])


def test_augmentation_turns_and_scales_about_the_middle_of_the_circle() -> None:
    augment = RandAffineLandmarksd(keys="image", size_wh=(200, 200), rotation=40.0, scale=0.3)
    augment.set_random_state(seed=5)
    sample = {
        "image": photograph((600, 400), CUT),
        "points": torch.tensor([[CUT.x, CUT.y], [CUT.x + 100.0, CUT.y]]),
        "status": torch.ones(2, dtype=torch.int8),
        "region": Region.around(*CUT),
    }
    moved = augment(sample)
    np.testing.assert_allclose(moved["points"][0].numpy(), [99.5, 99.5], atol=1e-3)
    length = float((moved["points"][1] - moved["points"][0]).norm())
    plain = 100.0 * 200 / (2 * CUT.radius)
    assert plain / 1.3 <= length <= plain * 1.3
    assert abs(length - plain) > 0.5
    back = transform_points(np.linalg.inv(moved["matrix"].numpy()), moved["points"].double().numpy())
    np.testing.assert_allclose(back, [[CUT.x, CUT.y], [CUT.x + 100.0, CUT.y]], atol=1e-3)


def test_a_protocol_asks_for_it_and_two_cameras_look_alike(tmp_path: Path) -> None:
    network = {"field_of_view": True, "input_size": {"width": 128, "height": 128}}
    document = {
        "name": "eye",
        "title": "Eye",
        "channels": "rgb",
        "landmarks": [{"name": "fovea", "description": "Centre."}],
        "network": network,
    }
    protocol = Protocol.model_validate(document)
    drawn = []
    for name, size, circle in (
        ("wide", (700, 460), Circle(360.0, 230.0, 180.0)),
        ("tight", (420, 400), Circle(210.0, 200.0, 195.0)),
    ):
        array = photograph(size, circle).permute(1, 2, 0).numpy().round().astype(np.uint8)
        Image.fromarray(array).save(tmp_path / f"{name}.png")
        sample = inference_transforms(protocol)({"image": str(tmp_path / f"{name}.png")})
        middle = transform_points(sample["matrix"].numpy(), np.array([[circle.x, circle.y]]))[0]
        np.testing.assert_allclose(middle, [63.5, 63.5], atol=0.6)
        edge = transform_points(sample["matrix"].numpy(), np.array([[circle.x + circle.radius, circle.y]]))[0]
        np.testing.assert_allclose(edge, [127.5, 63.5], atol=0.8)
        drawn.append(sample["image"])
    assert any(type(step) is FieldOfViewd for step in training_transforms(protocol).transforms)
    plain = Protocol.model_validate({**document, "network": {"input_size": network["input_size"]}})
    assert not any(type(step) is FieldOfViewd for step in inference_transforms(plain).transforms)
    lit = [(image[0] > image[0].mean()).float().mean() for image in drawn]
    assert abs(lit[0] - lit[1]) < 0.03


def test_only_one_image_is_looked_at() -> None:
    with pytest.raises(ValueError, match="one image"):
        FieldOfViewd(keys=("image", "other"))


@pytest.mark.skipif(not REAL.is_dir(), reason="the real fundus photographs are not here")
def test_one_camera_gives_one_circle_on_real_photographs() -> None:
    """All photographs of the set are of one camera, whose circle is 852 pixels wide at this size."""
    names = sorted({row["image"] for row in csv.DictReader((REAL / "landmarks.csv").open())})[::5]
    found = []
    for name in names:
        with Image.open(REAL / "images" / name) as picture:
            found.append(find_field_of_view(torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)))
    circles = np.array([circle for circle in found if circle is not None])
    assert len(circles) == len(names)
    assert circles[:, 2].std() < 1.5
    assert abs(circles[:, 2].mean() - 426.2) < 1.0


def test_a_wrong_value_in_a_protocol_is_refused() -> None:
    document = {
        "name": "eye",
        "title": "Eye",
        "landmarks": [{"name": "fovea", "description": "Centre."}],
        "network": {"field_of_view": "circle"},
    }
    with pytest.raises((InputError, ValueError), match="field_of_view"):
        Protocol.model_validate(document)
