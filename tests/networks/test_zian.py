from __future__ import annotations

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from zian_case import VARIANTS, config_of, image_of, network_of, zian_loss

from monai_ext.landmarks import InputError
from monai_ext.networks.zian import ZIAN, jittered_centers, peak_pixels


def truth(batch: int, num_landmarks: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(batch, num_landmarks, 2, generator=generator) * torch.tensor([127.0, 95.0])
    return points, torch.ones(batch, num_landmarks, dtype=torch.int8)


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_flow_to_every_parameter(variant: str) -> None:
    network = network_of(variant, 2).train()
    points, status = truth(2, 2)

    zian_loss()(network(image_of(), jittered_centers(points, status)), points, status).backward()

    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0, name


@pytest.mark.parametrize(("height", "width", "num_landmarks"), [(97, 131, 19), (20, 24, 2), (5, 150, 1)])
def test_any_size_of_image_and_number_of_landmarks(height: int, width: int, num_landmarks: int) -> None:
    network = network_of("weight and gate", num_landmarks).eval()
    image = image_of(height, width)

    output = network(image)

    assert output.coarse.shape == (2, num_landmarks, -(-height // 4), -(-width // 4))
    assert output.roi.shape == (2, 2, num_landmarks, 32, 32)
    assert output.fine.shape == (2, num_landmarks, 32, 32)
    assert output.fine_frame.origin.shape == (2, num_landmarks, 2)


def test_without_regions_the_coarse_stage_is_the_answer() -> None:
    output = network_of("base", 3).eval()(image_of())

    assert output.fine is None
    assert [stage.name for stage in output.stages] == ["coarse"]


@pytest.mark.parametrize("variant", ["mr+sa", "weight and gate", "shared roi backbone"])
def test_all_landmarks_and_images_in_one_batch_are_each_as_if_alone(variant: str) -> None:
    network = network_of(variant, 3).eval()
    image = image_of()
    centers = truth(2, 3)[0]

    whole = network(image, centers)

    for b in range(2):
        for k in range(3):
            others = torch.rand(1, 3, 2) * 60
            others[0, k] = centers[b, k]
            alone = network(image[b : b + 1], others)
            torch.testing.assert_close(alone.fine[0, k], whole.fine[b, k], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(alone.roi[:, 0, k], whole.roi[:, b, k], atol=1e-5, rtol=1e-4)


def test_each_landmark_has_weights_of_its_own_in_every_head() -> None:
    network = network_of("zian", 2).eval()
    image, centers = image_of(), torch.tensor([[60.0, 40.0]]).expand(2, 2, 2)
    before = network(image, centers)
    for head in (network.coarse_head, *network.roi_heads, network.fine_head.heatmaps):
        head.conv.weight.data[1] = 0

    after = network(image, centers)

    for stage in ("coarse", "fine", "roi"):
        first, second = getattr(before, stage).unbind(-3), getattr(after, stage).unbind(-3)
        assert torch.equal(first[0], second[0])
        assert not torch.equal(first[1], second[1])
        assert not torch.equal(first[0], first[1])


def test_regions_lie_about_the_given_centres_and_about_the_peaks_where_none_is_given() -> None:
    network = network_of("mr+sa", 2).eval()
    image = image_of()
    centers = torch.tensor([[[30.5, 40.5], [torch.nan, torch.nan]], [[-9.5, 2.5], [70.0, torch.inf]]])

    output = network(image, centers)

    middle = output.fine_frame.to_image(torch.tensor([15.5, 15.5]))
    peaks = output.coarse_frame.to_image(peak_pixels(output.coarse))
    assert torch.equal(middle[:, 0], centers[:, 0])
    assert torch.equal(middle[:, 1], peaks[:, 1])
    assert torch.equal(network(image).fine_frame.to_image(torch.tensor([15.5, 15.5])), peaks)


def test_nothing_is_read_back_from_the_device() -> None:
    network = network_of("weight and gate", 3).eval()

    # Fake tensors have no values: reading one raises.
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        image = mode.from_tensor(image_of())
        assert network(image).fine.shape == (2, 3, 32, 32)


@pytest.mark.parametrize("variant", ["weight and gate", "shared backbone"])
def test_half_precision_trains_and_finds_the_same_regions(variant: str) -> None:
    network = network_of(variant, 2)
    image = image_of()
    points, status = truth(2, 2)

    with torch.autocast("cpu", torch.bfloat16):
        output = network.train()(image, points)
        loss = zian_loss()(output, points, status)
    loss.backward()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        half = network.eval()(image, points)
    with torch.no_grad():
        full = network(image, points)

    assert loss.dtype == output.fine.dtype == output.fine_frame.origin.dtype == torch.float32
    assert all(bool(p.grad.isfinite().all()) for p in network.parameters())
    assert torch.equal(half.fine_frame.origin, full.fine_frame.origin)
    assert float((half.fine - full.fine).abs().max()) < 0.05 * float(full.fine.abs().max()) + 0.02


def test_the_weights_may_be_half_precision_too() -> None:
    network = network_of("weight and gate").eval().bfloat16()

    output = network(image_of().bfloat16())

    assert all(bool(stage.heatmaps.isfinite().all()) for stage in output.stages)


def test_the_peak_is_the_first_highest_pixel() -> None:
    heatmaps = torch.zeros(2, 3, 5, 9)
    heatmaps[0, 0, 4, 7], heatmaps[0, 1, 1, 8], heatmaps[0, 1, 3, 0] = 1, 2, 2
    heatmaps[1] = -1
    heatmaps[1, 2, 0, 3] = -0.5

    assert peak_pixels(heatmaps).tolist() == [[[7, 4], [8, 1], [0, 0]], [[0, 0], [0, 0], [3, 0]]]


def test_centres_are_shifted_by_up_to_16_pixels_four_times_in_five() -> None:
    points = torch.full((400, 50, 2), 100.0)
    status = torch.ones(400, 50, dtype=torch.int8)
    status[0, 0], status[0, 1] = 0, -1

    centers = jittered_centers(points, status, generator=torch.Generator().manual_seed(0))

    assert bool(centers[0, :2].isnan().all())
    shift = (centers - points).reshape(-1, 2)[2:]
    moved = (shift != 0).any(-1)
    assert float(moved.float().mean()) == pytest.approx(0.8, abs=0.015)
    assert float(shift.abs().max()) <= 16
    assert shift[moved].std(0).tolist() == pytest.approx([16 / 3**0.5] * 2, rel=0.02)
    assert shift.mean(0).tolist() == pytest.approx([0, 0], abs=0.3)
    assert abs(float(torch.corrcoef(shift[moved].T)[0, 1])) < 0.03


def test_what_does_not_fit_is_refused() -> None:
    network = network_of("zian", 2).eval()

    with pytest.raises(InputError, match=r"\(B, C, H, W\), not \(2, 96, 128\)"):
        network(image_of()[0])
    with pytest.raises(InputError, match=r"\(2, 2, 2\), not \(2, 1, 2\)"):
        network(image_of(), torch.zeros(2, 1, 2))
    with pytest.raises(InputError, match=r"features \(1, 16, 32, 32\), not \(1, 8, 32, 32\)"):
        ZIAN(nn.Conv2d(2, 8, 1), 1, config_of("base"))(image_of(batch=1))
