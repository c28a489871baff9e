"""Local contrast: values against scipy, what leaves it alone, and what is dark."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from monai_ext.networks.local_contrast import DARK, LEAST, REACH, SIGMA, local_contrast


def picture(channels: int = 3, size: tuple[int, int] = (40, 60)) -> torch.Tensor:
    """(1, C, H, W): noise from 300 to 400 with a black strip at the left."""
    values = 300 + 100 * torch.rand((1, channels, *size), generator=torch.Generator().manual_seed(5))
    values[..., :9] = 0.0
    return values


def by_scipy(image: np.ndarray) -> np.ndarray:
    """Of one image (C, H, W), channel by channel."""
    sigma = SIGMA * max(image.shape[1:])
    lit = (image - image.min()).mean(0) > DARK * np.ptp(image)

    def blurred(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, sigma, mode="constant", radius=int(REACH * sigma))

    around, found = np.maximum(blurred(lit * 1.0), 1e-3), []
    for channel in image:
        change = lit * (channel - blurred(lit * channel) / around)
        found.append(change / (np.sqrt(blurred(change**2) / around) + LEAST * np.ptp(image)))
    return np.stack(found)


@pytest.mark.parametrize(("channels", "size"), [(1, (40, 60)), (3, (72, 31)), (3, (24, 24))])
def test_values_are_those_of_scipy_image_by_image(channels: int, size: tuple[int, int]) -> None:
    image = picture(channels, size)
    batch = torch.cat([image, 0.1 * image.flip(-2) - 7.0, image.flip(-1)])
    found = local_contrast(batch)
    assert found.dtype == torch.float32
    for one, values in zip(found, batch, strict=True):
        np.testing.assert_allclose(one.numpy(), by_scipy(values.double().numpy()), atol=2e-3)


def test_dark_pixels_are_zero_and_nobodys_surroundings() -> None:
    """What is black beside the lit part is as if it were not there."""
    image = picture(size=(60, 40))
    image[..., 5, 20] = 0.0  # the range of both is from black
    found, cropped = local_contrast(image), local_contrast(image[..., 9:])
    assert not found[..., :9].any()
    torch.testing.assert_close(found[..., 9:], cropped, atol=1e-4, rtol=0)
    assert found[..., 9:].std() > 0.5


def test_a_cast_of_colour_and_contrast_fall_out() -> None:
    image = picture()
    plain = local_contrast(image)
    gains = torch.tensor([0.5, 1.0, 1.8])[:, None, None]
    cast = local_contrast(image * gains)
    for one, other in zip(plain[0, :, :, 9:], cast[0, :, :, 9:], strict=True):
        assert np.corrcoef(one.flatten(), other.flatten())[0, 1] > 0.999
    torch.testing.assert_close(local_contrast(7.0 * image + 3.0), plain, atol=1e-3, rtol=0)


def test_light_that_falls_off_leaves_the_detail() -> None:
    row, column = torch.arange(140.0)[:, None], torch.arange(160.0)
    detail = 10.0 * torch.sin(column / 2.0) * torch.sin(row / 2.0)
    light = 100.0 + 0.8 * column + 0.3 * row
    frame = torch.ones(140, 160)
    frame[:4] = 0.0  # black, so that the darkest light is not
    even, shaded = (local_contrast((frame * (one + detail))[None, None]) for one in (torch.tensor(100.0), light))
    middle = (0, 0, slice(48, -48), slice(48, -48))
    assert np.corrcoef(even[middle].flatten(), shaded[middle].flatten())[0, 1] > 0.99
    assert np.corrcoef(detail[middle[2:]].flatten(), (light + detail)[middle[2:]].flatten())[0, 1] < 0.6


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (21, 34)])
@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_even_image_becomes_zeros(size: tuple[int, int], value: float) -> None:
    found = local_contrast(torch.full((2, 3, *size), value))
    assert found.shape == (2, 3, *size)
    assert not found.any()
