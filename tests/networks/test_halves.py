from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from monai_ext.landmarks import Protocol
from monai_ext.losses import LandmarkLoss, MaskedMSELoss
from monai_ext.networks import Halves, HeatmapOutput, LandmarkNetwork, ZianConfig, build_network
from monai_ext.networks.network import halves_of
from monai_ext.networks.zian import ZIAN

NAMES = ["left_a", "right_b", "right_a", "left_b"]  # the partners stand apart, and one pair right first


class FirstChannels(LandmarkNetwork):
    """Heatmaps are the image's own channels, so that every pixel can be followed."""

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        return HeatmapOutput(image, presence=image.amax((2, 3)))


def paired_protocol(**network: object) -> Protocol:
    pair = {"left_a": "right_a", "right_a": "left_a", "left_b": "right_b", "right_b": "left_b"}
    return Protocol.model_validate(
        {
            "name": "pairs",
            "title": "Pairs",
            "channels": "grey",
            "landmarks": [{"name": n, "description": n, "pair": pair[n]} for n in NAMES],
            "network": {"input_size": {"width": 96, "height": 64}, "halves": True, **network},
        }
    )


def test_the_first_of_each_pair_is_the_left_one() -> None:
    assert halves_of(paired_protocol()) == ([0, 1], [2, 3])


@pytest.mark.parametrize("width", [10, 11])
def test_peaks_of_both_halves_come_back_to_the_whole_image(width: int) -> None:
    image = torch.zeros(2, 1, 6, width)
    image[0, 0, 2, 1] = 1.0  # left half of the first image
    image[0, 0, 4, width - 3] = 1.0  # right half
    image[1, 0, 5, 3] = 1.0
    image[1, 0, 1, width - 1] = 1.0
    output = Halves(FirstChannels(), [0], [1])(image)
    (stage,) = output.stages
    assert stage.heatmaps.shape == (2, 2, 6, (width + 1) // 2)
    flat = stage.heatmaps.flatten(2).argmax(-1)
    cells = torch.stack([flat % stage.heatmaps.shape[3], flat // stage.heatmaps.shape[3]], -1).float()
    expected = torch.tensor([[[1, 2], [width - 3, 4]], [[3, 5], [width - 1, 1]]]).float()
    torch.testing.assert_close(stage.frame.to_image(cells), expected, rtol=0, atol=0)
    torch.testing.assert_close(stage.frame.from_image(expected), cells, rtol=0, atol=0)
    torch.testing.assert_close(output.presence, torch.ones(2, 2))


def test_landmarks_in_any_order() -> None:
    class Numbered(LandmarkNetwork):
        def forward(self, image: torch.Tensor) -> HeatmapOutput:
            maps = torch.arange(2.0).reshape(1, 2, 1, 1) + 10 * torch.arange(float(len(image))).reshape(-1, 1, 1, 1)
            return HeatmapOutput(maps.expand(len(image), 2, 3, 3))

    heatmaps = Halves(Numbered(), *halves_of(paired_protocol()))(torch.zeros(1, 1, 8, 8)).stages[0].heatmaps
    # left half: 0, 1 for left_a, right_b; right half: 10, 11 for right_a, left_b
    assert heatmaps[0, :, 0, 0].tolist() == [0, 1, 10, 11]


def test_loss_equals_that_of_the_two_halves_and_a_point_beyond_the_centre_line_does_not_count() -> None:
    torch.manual_seed(0)
    image = torch.randn(1, 1, 12, 20)
    points = torch.tensor([[[3.25, 4.5], [15.5, 8.0]]])
    status = torch.ones(1, 2, dtype=torch.int8)
    loss = LandmarkLoss(MaskedMSELoss(1.5))
    whole = loss(Halves(FirstChannels(), [0], [1])(image), points, status)
    halves = torch.cat([image[..., :10], image.flip(-1)[..., :10]])
    mirrored = torch.tensor([[[3.25, 4.5]], [[3.5, 8.0]]])
    apart = loss(HeatmapOutput(halves), mirrored, torch.ones(2, 1, dtype=torch.int8))
    torch.testing.assert_close(whole, apart)
    points[0, 0, 0] = 13.0  # the left landmark has come into the right half
    status[0, 1] = -1
    assert float(loss(Halves(FirstChannels(), [0], [1])(image), points, status)) == 0


def test_regions_of_a_zian_lie_about_the_points_of_their_half() -> None:
    network = Halves(
        ZIAN(nn.Conv2d(1, 16, 3, padding=1), 1, ZianConfig(row="1roi", roi_sizes=(32, 64), jitter=0.0)), [0], [1]
    )
    image, status = torch.zeros(1, 1, 64, 128), torch.ones(1, 2, dtype=torch.int8)
    points = torch.tensor([[[20.0, 30.0], [100.0, 40.0]]])
    arguments = network.training_arguments(image, points, status)
    torch.testing.assert_close(arguments["roi_centers"], torch.tensor([[[20.0, 30.0]], [[27.0, 40.0]]]))
    stages = network(image, **arguments).stages
    assert [stage.name for stage in stages] == ["coarse", "roi", "fine"]
    corners = stages[-1].frame.to_image(torch.zeros(1, 2, 2))
    # regions of 32 begin 15.5 px before their centre, moved to whole pixels; on the right half the mirror image of it
    np.testing.assert_allclose(corners[0].tolist(), [[5.0, 15.0], [127 - 12.0, 25.0]])


def test_a_mirrored_image_gives_mirrored_points() -> None:
    torch.manual_seed(1)
    network = build_network(
        paired_protocol(name="zian", backbone="unet_small", roi_sizes=(32, 64), presence=True)
    ).eval()
    image = torch.randn(1, 1, 64, 96)
    with torch.inference_mode():
        plain, flipped = network(image), network(image.flip(-1))
    order = [2, 3, 0, 1]
    for a, b in zip(plain.stages, flipped.stages, strict=True):
        torch.testing.assert_close(a.heatmaps, b.heatmaps[:, order], rtol=0, atol=0)
        cells = torch.rand(1, 4, 2)
        mirrored = b.frame.to_image(cells[:, order])[:, order]
        torch.testing.assert_close(a.frame.to_image(cells)[..., 0], 95 - mirrored[..., 0])
        torch.testing.assert_close(a.frame.to_image(cells)[..., 1], mirrored[..., 1])
    torch.testing.assert_close(plain.presence, flipped.presence[:, order])
