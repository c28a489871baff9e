"""A ZIAN trained through the library's own loss finds points between pixels, at the border as in the middle."""

from __future__ import annotations

import pytest
import torch

from monai_ext.landmarks import Protocol
from monai_ext.losses import build_training_loss
from monai_ext.networks import Stage, build_network
from monai_ext.transforms import activate, decode_heatmap

WIDTH, HEIGHT = 112, 76

#: The four corners, the middles of the four borders, the centre, and a place of no special kind.
TARGETS = torch.tensor(
    [
        [0.3, 0.4], [WIDTH - 1.2, -0.2], [-0.3, HEIGHT - 1.45], [WIDTH - 0.7, HEIGHT - 1.1],
        [55.3, 0.2], [56.25, HEIGHT - 0.8], [0.1, 37.6], [WIDTH - 1.35, 38.4],
        [55.6, 37.35], [30.2, 51.7],
    ]
)  # fmt: skip

#: Optimiser steps: some seconds on one core.
STEPS = 170


def peaks(stage: Stage, task: Protocol) -> torch.Tensor:
    """(B, K, 2) peaks of a stage's heatmaps, in its cells."""
    heatmaps = activate(stage.heatmaps.float(), task.recipe.loss, task.network.sigma)
    return decode_heatmap(heatmaps, task.network.decoder, radius=max(2, round(3 * task.network.sigma))).points


def spots(points: torch.Tensor) -> torch.Tensor:
    """(N, 1, H, W) an image for each of (N, 2) points, with a spot of 2 px on it and a slope across."""
    x, y = torch.meshgrid(torch.arange(WIDTH), torch.arange(HEIGHT), indexing="xy")
    distance = (x - points[:, 0, None, None]).square() + (y - points[:, 1, None, None]).square()
    return (3 * torch.exp(-distance / 8) + 0.004 * x + 0.006 * y)[:, None]


def task() -> Protocol:
    return Protocol.model_validate(
        {
            "name": "spot",
            "title": "Spot",
            "channels": "grey",
            "landmarks": [{"name": "spot", "description": "the spot"}],
            "network": {
                "name": "zian",
                "backbone": "unet_small",
                "input_size": {"width": WIDTH, "height": HEIGHT},
                "roi_sizes": [32, 64],
                "share_roi_backbone": True,
                "fusion_stride": 4,
                "jitter": 3,  # as far as a peak on the coarse heatmap may be off
            },
        }
    )


@pytest.mark.slow
def test_an_overfitted_network_finds_every_point_within_a_fifth_of_a_pixel() -> None:
    torch.manual_seed(0)
    protocol = task()
    network, criterion = build_network(protocol).train(), build_training_loss(protocol)
    optimizer = torch.optim.Adam(network.parameters())
    image, points = spots(TARGETS), TARGETS[:, None]
    status = torch.ones(points.shape[:2], dtype=torch.int8)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=STEPS)
    for _ in range(STEPS):
        output = network(image, **network.training_arguments(image, points, status))
        optimizer.zero_grad()
        criterion(output, points, status).backward()
        optimizer.step()
        schedule.step()

    with torch.no_grad():
        stages = network.eval()(image).stages
    errors = {
        stage.name: torch.linalg.vector_norm(stage.frame.to_image(peaks(stage, protocol)) - points, dim=2)
        for stage in stages
    }
    assert float(errors["fine"].max()) < 0.2
    assert float(errors["coarse"].max()) < 1.0  # its cells are 4 px wide
