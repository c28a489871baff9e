from __future__ import annotations

import math

import pytest
import torch
from zian_case import image_of, network_of, zian_loss

from monai_ext.networks.zian import RoiFrame, ZianOutput

HEIGHT, WIDTH, SIDE = 12, 20, 16


def output_of(num_landmarks: int, origins: list[list[float]]) -> ZianOutput:
    generator = torch.Generator().manual_seed(9)

    def maps(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator).requires_grad_()

    return ZianOutput(
        maps(1, num_landmarks, HEIGHT, WIDTH),
        RoiFrame(torch.zeros(2), 4.0),
        maps(2, 1, num_landmarks, SIDE, SIDE),
        maps(1, num_landmarks, SIDE, SIDE),
        RoiFrame(torch.tensor([origins]), 1.0),
    )


def squared_error(heatmap: torch.Tensor, x: float, y: float, sigma: float) -> float:
    """Pixel by pixel, as in the paper's formula of G."""
    height, width = heatmap.shape
    total = 0.0
    for v in range(height):
        for u in range(width):
            target = math.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2))
            total += (float(heatmap[v, u].detach()) - target) ** 2
    return total / (height * width)


@pytest.mark.parametrize("sigma", [2.0, 1.25])
def test_it_is_the_weighted_sum_of_the_stages_errors_in_their_own_frames(sigma: float) -> None:
    origins = [[25.0, 10.0], [3.0, -4.0]]
    output = output_of(2, origins)
    points = torch.tensor([[[33.25, 18.5], [7.75, 2.0]]])

    loss = zian_loss((0.5, 0.25, 2.0), sigma)(output, points, torch.ones(1, 2, dtype=torch.int8))

    expected = 0.0
    for k, (x, y) in enumerate(points[0].tolist()):
        fine = x - origins[k][0], y - origins[k][1], sigma
        expected += 0.5 * squared_error(output.coarse[0, k], (x + 0.5) / 4 - 0.5, (y + 0.5) / 4 - 0.5, sigma) / 2
        expected += 0.25 * sum(squared_error(output.roi[r, 0, k], *fine) for r in range(2)) / 2
        expected += 2.0 * squared_error(output.fine[0, k], *fine) / 2
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


def gradients(output: ZianOutput, points: torch.Tensor, status: list[int]) -> dict[str, list[bool]]:
    """Which landmarks get a gradient, stage by stage."""
    zian_loss()(output, points, torch.tensor([status], dtype=torch.int8)).backward()
    return {
        stage: [bool((maps.any()).item()) for maps in getattr(output, stage).grad.unbind(-3)]
        for stage in ("coarse", "roi", "fine")
    }


def test_a_landmark_that_is_not_annotated_gives_no_gradient() -> None:
    output = output_of(3, [[25.0, 10.0]] * 3)
    points = torch.tensor([[[33.0, 18.0], [torch.nan, torch.nan], [30.0, 12.0]]])

    assert gradients(output, points, [1, -1, 1]) == {stage: [True, False, True] for stage in ("coarse", "roi", "fine")}


def test_a_missing_landmark_is_taught_to_be_drawn_nowhere() -> None:
    output = output_of(1, [[25.0, 10.0]])

    loss = zian_loss()(output, torch.full((1, 1, 2), torch.nan), torch.zeros(1, 1, dtype=torch.int8))

    expected = output.coarse.square().mean() + 0.25 * 2 * output.roi.square().mean() + output.fine.square().mean()
    torch.testing.assert_close(loss, expected)


def test_a_point_off_its_region_counts_in_the_coarse_stage_alone() -> None:
    output = output_of(2, [[25.0, 10.0], [60.0, 30.0]])
    points = torch.tensor([[[33.0, 18.0], [33.0, 18.0]]])

    assert gradients(output, points, [1, 1]) == {"coarse": [True, True], "roi": [True, False], "fine": [True, False]}


def test_a_network_without_regions() -> None:
    output = ZianOutput(torch.zeros(1, 1, HEIGHT, WIDTH), RoiFrame(torch.zeros(2), 4.0))

    loss = zian_loss((3.0, 0.25, 1.0))(output, torch.tensor([[[42.5, 22.5]]]), torch.ones(1, 1, dtype=torch.int8))

    assert float(loss.detach()) == pytest.approx(3 * squared_error(output.coarse[0, 0], 10.25, 5.25, 2.0), rel=1e-5)


def test_nothing_annotated_teaches_no_head_anything() -> None:
    network = network_of("weight and gate", 2).train()
    points = torch.tensor([[[30.0, 40.0], [torch.nan, torch.nan]]]).repeat(2, 1, 1)
    status = torch.tensor([[1, -1], [1, -1]], dtype=torch.int8)

    loss = zian_loss()(network(image_of(), points), points, status)
    loss.backward()

    assert bool(loss.isfinite())
    for head in (network.coarse_head, *network.roi_heads, network.fine_head.heatmaps):
        of_landmarks = head.conv.weight.grad.flatten(1).any(1)
        assert of_landmarks.tolist() == [True, False]
    assert all(bool(p.grad.isfinite().all()) for p in network.parameters())
