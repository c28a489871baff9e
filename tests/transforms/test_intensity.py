from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.transforms import Compose
from scipy.ndimage import gaussian_filter

from monai_ext.landmarks.recipe import Augmentation
from monai_ext.transforms import NormalizeLandmarkImage, NormalizeLandmarkImaged, RandChannelGain, rand_intensity

NOTHING = {"brightness": 0.0, "contrast": 0.0, "gamma": 0.0, "noise": 0.0, "blur": 0.0, "color": 0.0}


def picture(channels: int = 3) -> torch.Tensor:
    y, x = np.mgrid[:20, :33]
    planes = [np.sin(x / 4 + c) + np.cos(y / 3) + c for c in range(channels)]
    return NormalizeLandmarkImage()(torch.from_numpy(np.stack(planes)).float())


def chain(**ranges: float) -> Compose:
    return Compose(rand_intensity(Augmentation(**{**NOTHING, **ranges}))).set_random_state(0)


def draws(image: torch.Tensor, count: int = 200, **ranges: float) -> list[torch.Tensor]:
    steps = chain(**ranges)
    return [torch.as_tensor(steps({"image": image})["image"]) for _ in range(count)]


# --- standardisation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_mean_0_and_deviation_1_over_all_channels(channels: int) -> None:
    image = torch.from_numpy(np.random.default_rng(0).normal(900, 60, (channels, 21, 34)))
    result = NormalizeLandmarkImage()(image)
    array = image.numpy()
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result, (array - array.mean()) / array.std(), atol=1e-5)


def test_channels_keep_their_balance() -> None:
    image = torch.stack([torch.full((4, 5), 10.0), torch.full((4, 5), 20.0), torch.full((4, 5), 30.0)])
    result = NormalizeLandmarkImage()(image)
    step = np.sqrt(1.5)
    np.testing.assert_allclose(result[:, 0, 0], [-step, 0.0, step], atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0, -17.3, 255.0, 65535.0, 1e-8])
def test_a_constant_image_becomes_zeros(value: float) -> None:
    result = NormalizeLandmarkImage()(torch.full((3, 71, 107), value))
    assert result.eq(0).all()


def test_a_faint_image_is_not_taken_for_a_constant_one() -> None:
    image = torch.full((1, 10, 10), 60000.0)
    image[0, 3, 4] = 60001.0
    result = NormalizeLandmarkImage()(image)
    assert result.std(correction=0).item() == pytest.approx(1.0, abs=1e-4)
    assert result.argmax().item() == 34


def test_scale_and_offset_of_the_stored_numbers_do_not_matter() -> None:
    image = picture()
    torch.testing.assert_close(NormalizeLandmarkImage()(image * 257 + 1000), image, atol=1e-4, rtol=0)


def test_dictionary_version() -> None:
    sample = {"image": torch.tensor([[[1.0, 3.0]]]), "id": "a"}
    result = NormalizeLandmarkImaged(keys="image")(sample)
    assert result["image"].tolist() == [[[-1.0, 1.0]]]
    assert result["id"] == "a"
    assert sample["image"].tolist() == [[[1.0, 3.0]]]


# --- random changes -------------------------------------------------------------------------------------------------


def test_zero_ranges_add_no_transform() -> None:
    assert rand_intensity(Augmentation(**NOTHING)) == []


def test_each_range_adds_one_transform_and_noise_comes_last() -> None:
    every = dict.fromkeys(NOTHING, 0.2)
    names = [type(step).__name__ for step in rand_intensity(Augmentation(**every))]
    assert names == [
        "RandChannelGaind",
        "RandAdjustContrastd",
        "RandScaleIntensityd",
        "RandShiftIntensityd",
        "RandGaussianSmoothd",
        "RandGaussianNoised",
    ]
    for name in NOTHING:
        assert len(rand_intensity(Augmentation(**{**NOTHING, name: 0.2}))) == 1


def test_brightness_is_an_offset_in_its_range() -> None:
    image = picture()
    offsets = [(result - image) for result in draws(image, brightness=0.3)]
    for offset in offsets:
        assert offset.std().item() < 1e-5
    means = np.array([offset.mean().item() for offset in offsets])
    assert -0.3 <= means.min() < -0.25
    assert 0.25 < means.max() <= 0.3


def test_contrast_is_a_factor_about_the_mean() -> None:
    image = picture()
    factors = []
    for result in draws(image, contrast=0.4):
        factor = (result * image).sum().item() / image.square().sum().item()
        torch.testing.assert_close(result, image * factor, atol=1e-4, rtol=0)
        factors.append(factor)
    assert 0.6 <= min(factors) < 0.65
    assert 1.35 < max(factors) <= 1.4001


def test_gamma_bends_between_the_same_extremes() -> None:
    image = picture(1)
    low, high = image.min(), image.max()
    unit = ((image - low) / (high - low)).double()
    exponents = []
    for result in draws(image, 100, gamma=0.5):
        bent = ((result - low) / (high - low)).double()
        middle = (unit > 0.3) & (unit < 0.7)
        exponent = (bent[middle].log() / unit[middle].log()).mean().item()
        torch.testing.assert_close(bent, unit**exponent, atol=1e-4, rtol=0)
        exponents.append(exponent)
    assert 1 / 1.5 - 1e-3 <= min(exponents) < 0.72
    assert 1.42 < max(exponents) <= 1.501


def test_noise_has_a_deviation_up_to_its_range_and_no_offset() -> None:
    image = picture()
    deviations = [(result - image).std().item() for result in draws(image, noise=0.2)]
    assert 0 <= min(deviations) < 0.02
    assert 0.18 < max(deviations) < 0.215
    assert abs(np.mean([(result - image).mean().item() for result in draws(image, noise=0.2)])) < 0.002


def test_blur_is_gaussian_up_to_its_sigma_and_moves_nothing() -> None:
    image = torch.zeros(1, 31, 41)
    image[0, 15, 20] = 1.0
    y, x = np.mgrid[:31, :41]
    widths = []
    for result in draws(image, 60, blur=2.0):
        weights = result[0].numpy() / result.sum().item()
        assert (weights * x).sum() == pytest.approx(20, abs=1e-3)
        assert (weights * y).sum() == pytest.approx(15, abs=1e-3)
        widths.append(np.sqrt((weights * (x - 20) ** 2).sum()))
        assert np.isfinite(weights).all()
    assert min(widths) < 0.45
    assert 1.7 < max(widths) < 2.1
    reference = gaussian_filter(image[0].numpy(), 2.0)
    assert max(result.max().item() for result in draws(image, 60, blur=2.0)) > 0.8
    assert min(result.max().item() for result in draws(image, 60, blur=2.0)) > 0.9 * reference.max()


def test_channel_gain_keeps_black_black() -> None:
    image = picture()
    low = image.min()
    factors = []
    for result in draws(image, color=0.3):
        bright = (image - low).amin(dim=0) > 0.1
        per_channel = (result - low)[:, bright] / (image - low)[:, bright]
        assert per_channel.std(dim=1).max().item() < 1e-3
        factors.append(per_channel.mean(dim=1).numpy())
        assert result.flatten()[image.argmin()].item() == pytest.approx(low.item(), abs=1e-5)
    spread = np.array(factors)
    assert (spread.min(axis=0) < 0.75).all()
    assert (spread.min(axis=0) >= 0.699).all()
    assert (spread.max(axis=0) > 1.25).all()
    assert (spread.max(axis=0) <= 1.301).all()
    assert np.abs(np.corrcoef(spread.T)[0, 1]) < 0.3


def test_channel_gain_leaves_one_channel_alone() -> None:
    image = picture(1)
    torch.testing.assert_close(RandChannelGain(0.5)(image), image, rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"1\.5"):
        RandChannelGain(1.5)


def test_seed_reproduces_and_the_sample_is_not_changed() -> None:
    every = dict.fromkeys(NOTHING, 0.2)
    image = picture()
    before = image.clone()
    first, second = draws(image, 3, **every), draws(image, 3, **every)
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
        assert torch.isfinite(a).all()
    assert not torch.equal(first[0], first[1])
    torch.testing.assert_close(image, before, rtol=0, atol=0)


def test_a_constant_image_stays_finite() -> None:
    for result in draws(torch.zeros(3, 16, 18), 5, **dict.fromkeys(NOTHING, 0.3)):
        assert torch.isfinite(result).all()
