from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks.zian import RoiFrame, crop_roi, roi_frame


def frame(*origins: tuple[float, float], scale: float = 1.0) -> RoiFrame:
    return RoiFrame(torch.tensor([origins]), scale)


def image_of(height: int = 37, width: int = 50, channels: int = 2, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, channels, height, width, generator=torch.Generator().manual_seed(5))


def brute_force(image: torch.Tensor, origin: tuple[float, float], scale: float, cells: int) -> torch.Tensor:
    """One region by the definition, cell by cell: a box average, or bilinear where the scale is at most 1."""
    channels, height, width = image.shape
    samples = max(1, int(scale))
    out = torch.zeros(channels, cells, cells)
    for j in range(cells):
        for i in range(cells):
            for sub_y in range(samples):
                for sub_x in range(samples):
                    x = origin[0] + (i + (sub_x + 0.5) / samples) * scale - 0.5
                    y = origin[1] + (j + (sub_y + 0.5) / samples) * scale - 0.5
                    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
                    x0, y0 = min(int(x), width - 2), min(int(y), height - 2)
                    fx, fy = x - x0, y - y0
                    patch = image[:, y0 : y0 + 2, x0 : x0 + 2]
                    weights = torch.tensor([[(1 - fx) * (1 - fy), fx * (1 - fy)], [(1 - fx) * fy, fx * fy]])
                    out[:, j, i] += (patch * weights).sum((1, 2)) / samples**2
    return out


def test_the_frame_formula_and_its_inverse() -> None:
    regions = frame((100.0, 40.0), (-3.0, 7.0), scale=2.0)
    cells = torch.tensor([[[0.0, 0.0], [1.25, 3.0]]])

    pixels = regions.to_image(cells)

    assert torch.equal(pixels, torch.tensor([[[100.5, 40.5], [0.0, 13.5]]]))
    assert torch.equal(regions.from_image(pixels), cells)


def test_a_frame_within_another_leads_to_the_same_pixels() -> None:
    inner, outer = frame((130.0, 68.0), scale=4.0), frame((2.0, -60.0), scale=2.0)
    cells = torch.tensor([[[5.25, 61.0]]])

    in_outer = inner.within(outer).to_image(cells)

    torch.testing.assert_close(outer.to_image(in_outer), inner.to_image(cells))


def test_an_even_region_about_a_point_between_pixels_is_not_moved() -> None:
    center = torch.tensor([[[41.5, 29.5]]])

    a, b = roi_frame(center, 16, 16), roi_frame(center, 32, 16)

    assert (a.scale, a.origin.tolist()) == (1, [[[34.0, 22.0]]])
    assert (b.scale, b.origin.tolist()) == (2, [[[26.0, 14.0]]])
    for region in (a, b):
        assert torch.equal(region.to_image(torch.tensor([7.5, 7.5])), center)


def test_a_region_starts_with_a_whole_pixel_at_most_half_a_pixel_off() -> None:
    centers = torch.rand(1, 500, 2) * 100

    for size in (31, 32):
        region = roi_frame(centers, size, size)
        assert torch.equal(region.origin, region.origin.round())
        middle = region.to_image(torch.tensor([(size - 1) / 2, (size - 1) / 2]))
        assert float((middle - centers).abs().max()) <= 0.5 + 1e-4


@pytest.mark.parametrize("whole_pixels", [True, False])
@pytest.mark.parametrize("size", [9, 8])
def test_a_delta_cropped_at_scale_1_stays_a_delta(whole_pixels: bool, size: int) -> None:
    image = torch.zeros(1, 1, 41, 53)
    image[0, 0, 20, 31] = 1
    region = roi_frame(torch.tensor([[[31.0, 20.0]]]), size, size)

    crop = crop_roi(image, region, (size, size), whole_pixels=whole_pixels)

    expected = torch.zeros(1, 1, 1, size, size)
    x, y = region.from_image(torch.tensor([31.0, 20.0])).long()[0, 0]
    expected[..., y, x] = 1
    assert (x, y) == (size // 2, size // 2) if size % 2 else abs(x - (size - 1) / 2) == 0.5
    torch.testing.assert_close(crop, expected, atol=0 if whole_pixels else 2e-5, rtol=0)


def test_whole_pixels_are_copied_bit_for_bit_on_a_wide_image() -> None:
    image = image_of(211, 1501, 1)

    crop = crop_roi(image, frame((1371.0, 100.0), (7.0, 3.0)), (64, 96), whole_pixels=True)

    assert torch.equal(crop[0, 0], image[0, :, 100:164, 1371:1467])
    assert torch.equal(crop[0, 1], image[0, :, 3:67, 7:103])


def test_a_sub_pixel_origin_is_bilinear() -> None:
    image = torch.zeros(1, 1, 30, 40)
    image[0, 0, 12, 20] = 1

    crop = crop_roi(image, frame((15.25, 10.0)), (8, 8))

    expected = torch.zeros(8, 8)
    expected[2, 4], expected[2, 5] = 0.25, 0.75
    torch.testing.assert_close(crop[0, 0, 0], expected, atol=1e-5, rtol=0)


def test_a_reduction_by_2_is_the_exact_box_average() -> None:
    image = image_of(70, 90)

    crop = crop_roi(image, frame((11.0, 6.0), scale=2.0), (24, 32), whole_pixels=True)

    assert torch.equal(crop[:, 0], F.avg_pool2d(image[..., 6:54, 11:75], 2))


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.5, 2.0, 3.0])
@pytest.mark.parametrize("origin", [(3.5, 2.25), (-6.0, 30.0), (46.3, -4.7)])
def test_every_cell_agrees_with_its_definition(scale: float, origin: tuple[float, float]) -> None:
    image = image_of()

    crop = crop_roi(image, frame(origin, scale=scale), (9, 9))

    torch.testing.assert_close(crop[0, 0], brute_force(image[0], origin, scale, 9), atol=2e-5, rtol=0)


def test_a_reduction_by_a_fraction_keeps_a_ramp_and_removes_a_checkerboard() -> None:
    ramp = torch.arange(60.0).expand(1, 1, 50, 60)
    checks = (torch.arange(50)[:, None] + torch.arange(60)) % 2
    image = torch.cat([ramp, checks.float()[None, None]], 1)

    crop = crop_roi(image, frame((10.0, 10.0), scale=1.5), (20, 20))[0, 0]

    torch.testing.assert_close(crop[0, 3], 10 + (torch.arange(20) + 0.5) * 1.5 - 0.5, atol=1e-4, rtol=0)
    assert float((crop[1] - 0.5).abs().max()) < 0.15


def test_the_batch_of_regions_equals_one_by_one() -> None:
    image = image_of(40, 30, 3, batch=2)
    origin = torch.rand(2, 19, 2, generator=torch.Generator().manual_seed(1)) * 40 - 8

    crop = crop_roi(image, RoiFrame(origin, 2.0), (6, 10))

    assert crop.shape == (2, 19, 3, 6, 10)
    for b in range(2):
        for k in range(19):
            one = crop_roi(image[b : b + 1], RoiFrame(origin[b : b + 1, k : k + 1], 2.0), (6, 10))
            assert torch.equal(crop[b, k], one[0, 0])


@pytest.mark.parametrize(("padding", "mode"), [("replicate", "replicate"), ("zeros", "constant")])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_what_lies_off_the_image_and_an_image_smaller_than_a_region(padding, mode, scale) -> None:
    image = image_of(5, 7)
    padded = F.pad(image, (32, 32, 32, 32), mode=mode)
    side = int(12 * scale)

    crop = crop_roi(image, frame((-3.0, -2.0), scale=scale), (12, 12), padding=padding, whole_pixels=True)

    expected = F.avg_pool2d(padded[..., 30 : 30 + side, 29 : 29 + side], int(scale))
    torch.testing.assert_close(crop[:, 0], expected, atol=1e-6, rtol=0)


def test_gradients_reach_the_image_and_the_origin() -> None:
    image = image_of(9, 11).double().requires_grad_()
    origin = torch.tensor([[[1.3, 2.2], [-1.4, 4.6]]], dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(lambda i, o: crop_roi(i, RoiFrame(o, 0.7), (4, 5)), (image, origin))
    assert torch.autograd.gradcheck(lambda i, o: crop_roi(i, RoiFrame(o, 1.9), (3, 3)), (image, origin))


def test_coordinates_do_not_lose_precision_with_the_images() -> None:
    image = image_of(40, 2000, 1).bfloat16()

    crop = crop_roi(image, frame((1801.0, 3.0)), (16, 16), whole_pixels=True)

    assert crop.dtype == torch.bfloat16
    assert torch.equal(crop[0, 0], image[0, :, 3:19, 1801:1817])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"origins \(1, K, 2\), not \(2, 3, 2\)"):
        crop_roi(image_of(), RoiFrame(torch.zeros(2, 3, 2), 1.0), (4, 4))
    with pytest.raises(InputError, match=r"integer scale, not 1\.5"):
        crop_roi(image_of(), frame((0.0, 0.0), scale=1.5), (4, 4), whole_pixels=True)
    with pytest.raises(InputError, match="'reflect'"):
        crop_roi(image_of(), frame((0.0, 0.0)), (4, 4), padding="reflect")  # type: ignore[arg-type]
