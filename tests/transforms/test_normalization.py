"""Fixed normalisations of 8-bit values, against the numbers of the programs that they come from."""

from __future__ import annotations

import typing

import numpy as np
import pytest
import torch

from monai_ext.landmarks import InputError
from monai_ext.landmarks.network_config import Normalization
from monai_ext.landmarks.normalization import CHANNEL_SCALES, check_normalization
from monai_ext.transforms import NormalizeLandmarkImage, NormalizeLandmarkImaged


@pytest.fixture
def pixels() -> torch.Tensor:
    values = np.random.default_rng(0).integers(0, 256, (3, 5, 9))
    values[:, 0, 0], values[:, 0, 1] = 0, 255
    return torch.from_numpy(values).float()


def test_imagenet_is_torchvisions(pixels: torch.Tensor) -> None:
    from torchvision.transforms.functional import normalize

    wanted = normalize(pixels / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    found = NormalizeLandmarkImage("imagenet")(pixels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_radimagenet_is_minus_1_to_1(pixels: torch.Tensor) -> None:
    found = NormalizeLandmarkImage("radimagenet")(pixels).numpy()
    np.testing.assert_allclose(found, (pixels.numpy() - 127.5) * 2 / 255, atol=1e-6)


def test_vggface2_takes_the_mean_of_red_green_and_blue(pixels: torch.Tensor) -> None:
    found = NormalizeLandmarkImage("vggface2")(pixels).numpy() * 64
    for channel, mean in enumerate((131.0912, 103.8827, 91.4953)):
        np.testing.assert_allclose(found[channel], pixels.numpy()[channel] - mean, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [("imagenet", 114.495, 57.63), ("radimagenet", 127.5, 127.5), ("vggface2", 108.8231, 64.0)],
)
def test_grey_takes_the_averages(name: str, mean: float, deviation: float, pixels: torch.Tensor) -> None:
    found = NormalizeLandmarkImage(name)(pixels[:1]).numpy()
    np.testing.assert_allclose(found, (pixels[:1].numpy() - mean) / deviation, atol=1e-5)


def test_the_image_itself_is_the_default(pixels: torch.Tensor) -> None:
    assert torch.equal(NormalizeLandmarkImage()(pixels), NormalizeLandmarkImage("image")(pixels))
    large = pixels * 257 - 1000
    assert NormalizeLandmarkImage()(large).std(correction=0).item() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("value", "shown"), [(256.0, "256"), (-1.0, "-1"), (4095.0, "4095"), (float("nan"), "nan")])
def test_values_beyond_8_bits_are_refused(value: float, shown: str, pixels: torch.Tensor) -> None:
    pixels[1, 2, 3] = value
    with pytest.raises(InputError, match=rf"'imagenet' is of values 0 to 255 and the image has .*{shown}.*'image'"):
        NormalizeLandmarkImage("imagenet")(pixels)


def test_rounding_of_interpolation_is_no_reason_to_refuse(pixels: torch.Tensor) -> None:
    pixels[0, 0, 0], pixels[0, 0, 1] = -3e-5, 255.00003
    assert NormalizeLandmarkImage("imagenet")(pixels).isfinite().all()


def test_other_channels_and_names_are_refused() -> None:
    with pytest.raises(InputError, match="1 or 3 channels, not 2"):
        NormalizeLandmarkImage("imagenet")(torch.zeros(2, 4, 4))
    with pytest.raises(InputError, match=r"'caffe': use one of image, imagenet, .*, vggface2, dlib"):
        NormalizeLandmarkImage("caffe")


def test_dictionary_version(pixels: torch.Tensor) -> None:
    sample = {"image": pixels, "id": "a"}
    found = NormalizeLandmarkImaged("image", normalization="vggface2")(sample)
    assert torch.equal(found["image"], NormalizeLandmarkImage("vggface2")(pixels))
    assert found["id"] == "a"


def test_a_protocol_can_name_each_of_them() -> None:
    assert set(typing.get_args(Normalization)) == {"image", *CHANNEL_SCALES}
    assert [check_normalization(name) for name in typing.get_args(Normalization)]
