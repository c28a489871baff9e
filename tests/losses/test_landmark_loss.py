from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.landmarks.recipe import LOSSES
from monai_ext.losses import (
    LandmarkLoss,
    PresenceLoss,
    SpatialCrossEntropyLoss,
    build_heatmap_loss,
    build_loss,
    presence_loss,
)
from monai_ext.networks import HeatmapOutput

NAN = float("nan")


def test_presence_loss_equals_the_formula_over_annotated_landmarks_only():
    logits = torch.tensor([[2.0, -1.0, 50.0], [0.5, NAN, 3.0]])
    status = torch.tensor([[1, 0, -1], [0, -1, 1]], dtype=torch.int8)
    entropies = [
        math.log1p(math.exp(-2.0)),
        math.log1p(math.exp(-1.0)),
        math.log1p(math.exp(0.5)),
        math.log1p(math.exp(-3)),
    ]
    assert float(PresenceLoss()(logits, status)) == pytest.approx(sum(entropies) / 4, rel=1e-6)


def test_presence_gradient_raises_defined_lowers_missing_and_leaves_undefined():
    logits = torch.zeros(1, 3, requires_grad=True)
    presence_loss(logits, torch.tensor([[1, 0, -1]])).backward()
    assert logits.grad.tolist() == [[-0.25, 0.25, 0.0]]


def test_presence_with_nothing_annotated_is_zero_with_a_gradient():
    logits = torch.randn(2, 3, requires_grad=True)
    value = presence_loss(logits, torch.full((2, 3), -1))
    value.backward()
    assert value == 0
    assert not logits.grad.any()


def test_presence_is_computed_in_float32_under_autocast():
    logits = torch.randn(4, 19).half()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = presence_loss(logits, torch.ones(4, 19))
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, nn.functional.softplus(-logits.float()).mean())


@pytest.mark.parametrize("name", LOSSES)
def test_sum_of_heatmap_and_weighted_presence(name):
    outputs, logits = torch.randn(2, 3, 8, 6), torch.randn(2, 3)
    points = torch.rand(2, 3, 2) * 5
    status = torch.tensor([[1, 0, -1], [1, 1, 1]], dtype=torch.int8)
    loss = build_loss(name, 2.0, presence=True)
    heatmap = build_heatmap_loss(name, 2.0)(outputs, points, status)
    expected = heatmap + loss.presence_weight * presence_loss(logits, status)
    torch.testing.assert_close(loss(HeatmapOutput(outputs, logits), points, status), expected)
    torch.testing.assert_close(build_loss(name, 2.0, presence=False)(HeatmapOutput(outputs), points, status), heatmap)


def test_a_point_that_left_the_image_says_nothing_about_presence():
    logits = torch.zeros(1, 2, requires_grad=True)
    loss = LandmarkLoss(SpatialCrossEntropyLoss(2.0), presence_weight=1.0)
    points = torch.tensor([[[3.0, 4.0], [3.0, 40.0]]])
    loss(HeatmapOutput(torch.zeros(1, 2, 8, 6), logits), points, torch.ones(1, 2, dtype=torch.int8)).backward()
    assert logits.grad.tolist() == [[-0.5, 0.0]]


@pytest.mark.parametrize("name", LOSSES)
def test_a_free_heatmap_learns_its_points(name):
    points = torch.tensor([[[9.0, 2.0], [4.0, 6.0]]])
    status = torch.ones(1, 2, dtype=torch.int8)
    outputs = torch.zeros(1, 2, 8, 12, requires_grad=True)
    optimizer = torch.optim.Adam([outputs], lr=0.1)
    loss = build_heatmap_loss(name, 1.0)
    for _ in range(40):
        optimizer.zero_grad()
        loss(outputs, points, status).backward()
        optimizer.step()
    assert outputs.detach().flatten(2).argmax(-1).tolist() == [[2 * 12 + 9, 6 * 12 + 4]]


def test_wrong_arguments_are_refused():
    with pytest.raises(InputError, match=r"'dice'.*mse"):
        build_loss("dice", 2.0, presence=True)
    with pytest.raises(InputError, match="sigma"):
        build_loss("mse", -2.0, presence=True)
    with pytest.raises(InputError, match="presence"):
        build_loss("mse", 2.0, presence=True)(
            HeatmapOutput(torch.zeros(1, 1, 4, 4)), torch.zeros(1, 1, 2), torch.ones(1, 1)
        )
