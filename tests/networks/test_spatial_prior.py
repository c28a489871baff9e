"""The offsets between landmarks that training counts, and what they make of coarse heatmaps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from monai_ext.landmarks import Protocol
from monai_ext.networks import ZIAN, ZianConfig
from monai_ext.networks.zian.spatial_prior import CELLS, DOUBT, FLOOR, MEMORY, SPREAD, SpatialPrior


def counted(points: list[list[list[float]]], status: list[list[int]], size_hw: tuple[int, int]) -> SpatialPrior:
    prior = SpatialPrior(len(points[0]))
    prior.count(torch.tensor(points), torch.tensor(status, dtype=torch.int8), size_hw)
    return prior


def test_offsets_are_counted_by_hand() -> None:
    points = [[[64.0, 32.0], [96.0, 24.0], [5.0, 5.0]], [[10.0, 60.0], [30.0, 60.0], [torch.nan, torch.nan]]]
    prior = counted(points, [[1, 1, -1], [1, 1, 0]], (96, 128))

    expected = np.zeros((3, 3, 2 * CELLS - 1, 2 * CELLS - 1))
    for b in range(2):
        for j, k in ((0, 1), (1, 0)):
            x, y = (np.array(points[b][k]) - np.array(points[b][j])) * CELLS / 128
            for row in range(2 * CELLS - 1):
                for column in range(2 * CELLS - 1):
                    away = (column - CELLS + 1 - x) ** 2 + (row - CELLS + 1 - y) ** 2
                    expected[j, k, row, column] += MEMORY / 2 * np.exp(-away / (2 * SPREAD**2))
    np.testing.assert_allclose(prior.shares.numpy(), expected, atol=1e-9)


def brute_force(prior: SpatialPrior, heatmaps: np.ndarray) -> np.ndarray:
    """The belief, place by place, for heatmaps of as many cells as the prior has."""
    shares = prior.shares.numpy().astype(float)
    count, height, width = heatmaps.shape
    own = np.exp(heatmaps - heatmaps.max((1, 2), keepdims=True))
    own = (1 - DOUBT) * own / own.sum((1, 2), keepdims=True) + DOUBT / (height * width)
    belief = own.copy()
    for k in range(count):
        for j in range(count):
            if shares[j, k].sum() == 0:
                continue
            message = np.zeros((height, width))
            for y in range(height):
                for x in range(width):
                    for v in range(height):
                        for u in range(width):
                            message[y, x] += own[j, v, u] * shares[j, k, y - v + CELLS - 1, x - u + CELLS - 1]
            belief[k] *= message / message.max() + FLOOR
    return belief


def test_beliefs_are_those_of_a_loop_over_all_places() -> None:
    rng = np.random.default_rng(0)
    prior = counted([[[12.0, 3.0], [20.0, 9.0], [2.0, 7.0]], [[8.0, 4.0], [18.0, 12.0], [0.0, 0.0]]],
                    [[1, 1, 1], [1, 1, 0]], (20, 32))  # fmt: skip
    heatmaps = rng.normal(size=(3, 20, 32)) * 3

    belief = prior(torch.tensor(heatmaps[None], dtype=torch.float32))[0].numpy()

    expected = brute_force(prior, heatmaps)
    np.testing.assert_allclose(belief, expected, rtol=2e-3, atol=1e-9)


def test_the_lower_of_two_peaks_wins_where_the_other_landmark_says_so() -> None:
    heatmaps = torch.full((1, 2, 72, 96), -20.0)
    heatmaps[0, 0, 40, 20] = 0.0  # sure
    heatmaps[0, 1, 44, 62] = 0.0  # where it lies from the first
    heatmaps[0, 1, 10, 30] = 1.5  # higher, and nowhere near
    prior = counted([[[80.0, 160.0], [248.0, 176.0]]], [[1, 1]], (288, 384))

    belief = prior(heatmaps)

    assert divmod(int(heatmaps[0, 1].argmax()), 96) == (10, 30)
    assert divmod(int(belief[0, 1].argmax()), 96) == (44, 62)
    assert divmod(int(belief[0, 0].argmax()), 96) == (40, 20)


def test_pairs_that_were_never_seen_and_a_single_landmark_change_no_peak() -> None:
    heatmaps = torch.randn(2, 1, 30, 40, generator=torch.Generator().manual_seed(1))
    for count in (1, 19):
        maps = heatmaps.repeat(1, count, 1, 1)
        belief = SpatialPrior(count)(maps)
        share = maps.flatten(2).softmax(-1).view(maps.shape)
        torch.testing.assert_close(belief, (1 - DOUBT) * share + DOUBT / 1200)


class Peaks(nn.Module):
    """Draws, of the whole image alone, the first landmark in its place, the second there and higher elsewhere."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = torch.zeros(len(image), 16, *image.shape[2:])
        if image.shape[2:] == (32, 64):  # the coarse image; its last columns are padding
            features[:, 0, 15, 10] = 20.0
            features[:, 1, 15, 25] = 18.0
            features[:, 1, 2, 3] = 20.0
        return features


def test_a_network_counts_in_training_alone_and_looks_where_the_prior_says() -> None:
    network = ZIAN(Peaks(), 2, ZianConfig(row="1roi", roi_sizes=(32, 64), spatial_prior=True, presence=False))
    with torch.no_grad():
        network.coarse_head.conv.weight.copy_(torch.eye(16)[:2, :, None, None])
        network.coarse_head.conv.bias.zero_()
    points, status = torch.tensor([[[41.5, 61.5], [101.5, 61.5]]]), torch.ones(1, 2)
    image = torch.zeros(1, 3, 128, 160)

    network.eval().training_arguments(image, points, status)
    assert float(network.spatial_prior.shares.sum()) == 0
    with torch.no_grad():
        assert network(image).fine_frame.to_image(torch.full((1, 2, 2), 15.5)).tolist() == [[[41.5, 61.5], [13.5, 9.5]]]

    network.train().training_arguments(image, points, status)
    assert float(network.spatial_prior.shares.sum()) > 0
    assert "spatial_prior.shares" in network.state_dict()
    with torch.no_grad():
        answered = network.eval()(image)
    assert answered.fine_frame.to_image(torch.full((1, 2, 2), 15.5)).tolist() == [[[41.5, 61.5], [101.5, 61.5]]]


def test_it_needs_heatmaps_that_are_probabilities() -> None:
    document = {
        "name": "eye", "title": "Eye", "channels": "rgb", "landmarks": [{"name": "fovea", "description": "Centre."}],
        "network": {"name": "zian", "spatial_prior": True},
    }  # fmt: skip
    assert Protocol.model_validate(document).network.spatial_prior
    with pytest.raises(ValidationError, match="use the loss spatial_cross_entropy, not mse"):
        Protocol.model_validate({**document, "recipe": {"loss": "mse"}})
