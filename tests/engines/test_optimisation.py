"""Learning rates as numbers, and the optimisers of the recipes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_ext.engines.optimisation import WARM_START_RATE, build_optimizer, learning_rate_factor
from monai_ext.landmarks import Protocol, find_protocol
from monai_ext.landmarks.recipe import Recipe

STEPS = 1400


def factors(name: str, *steps: int) -> list[float]:
    recipe = Recipe.model_validate({"name": name})
    return [learning_rate_factor(step, STEPS, recipe.warmup, recipe.schedule) for step in steps]


@pytest.mark.parametrize(
    ("name", "steps", "expected"),
    [
        # a tenth from epoch 90 of 140 on
        ("zian_a", [0, 450, 899, 900, 1399], [1, 1, 1, 0.1, 0.1]),
        # up to 1 over the first 280 steps, then down by 1 / 1120 a step
        ("zian_b", [0, 139, 279, 280, 840, 1120, 1399], [1 / 280, 0.5, 1, 1, 0.5, 0.25, 1 / 1120]),
        # (1 - step / 1400) ^ 0.9
        ("cross_task", [0, 700, 1050, 1399], [1, 0.5**0.9, 0.25**0.9, (1 / 1400) ** 0.9]),
        # up over 70 steps, then half a cosine over 1330
        ("default", [0, 34, 69, 70, 735], [1 / 70, 0.5, 1, 1, 0.5]),
    ],
)
def test_the_learning_rate_of_a_named_recipe(name: str, steps: list[int], expected: list[float]) -> None:
    assert factors(name, *steps) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "rate", "decay"), [("zian_a", 2e-4, 0.0), ("zian_b", 2e-4, 1e-3), ("cross_task", 1e-3, 0.0)]
)
def test_the_optimiser_of_a_named_recipe(name: str, rate: float, decay: float) -> None:
    recipe = Recipe.model_validate({"name": name})
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))

    optimizer = build_optimizer(network, recipe, warm=False)

    assert type(optimizer) is (torch.optim.AdamW if name == "zian_b" else torch.optim.Adam)
    weights, plain = optimizer.param_groups
    assert (weights["lr"], weights["weight_decay"], plain["weight_decay"]) == (rate, decay, 0.0)
    assert [p.shape for p in weights["params"]] == [network[0].weight.shape]
    assert len(plain["params"]) == 3  # the bias, and the norm's scale and offset
    assert build_optimizer(network, recipe, warm=True).param_groups[0]["lr"] == rate * WARM_START_RATE


def test_a_pretrained_encoder_learns_at_a_share_of_the_rate() -> None:
    recipe = Recipe.model_validate(
        {"name": "fine_tune", "learning_rate": 0.01, "encoder_rate": 0.25, "weight_decay": 0.5}
    )
    network = nn.ModuleDict(
        {
            "roi_backbones": nn.ModuleList([nn.ModuleDict({"encoder": nn.Linear(2, 3), "decoder": nn.Linear(3, 5)})]),
            "encoder": nn.Linear(7, 1),
            "encoders_head": nn.Linear(4, 1),
        }
    )
    inputs = {2: 0.0025, 7: 0.0025, 3: 0.01, 4: 0.01}  # input features of each layer and its rate

    optimizer = build_optimizer(network, recipe, warm=False, pretrained=True)

    weights = {
        p.shape[1]: (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"] if p.ndim > 1
    }
    assert weights == {features: (rate, 0.5) for features, rate in inputs.items()}
    assert [(g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [
        (0.01, 0.5),
        (0.01, 0.0),
        (0.0025, 0.5),
        (0.0025, 0.0),
    ]
    assert [len(g["params"]) for g in optimizer.param_groups] == [2, 2, 2, 2]
    at_random = build_optimizer(network, recipe, warm=False)
    assert [(g["lr"], g["weight_decay"]) for g in at_random.param_groups] == [(0.01, 0.5), (0.01, 0.0)]


def test_only_a_protocol_that_begins_with_known_weights_slows_its_encoder() -> None:
    document = find_protocol("face").model_dump()
    learns_from_a_source = Protocol.model_validate(document)
    document["recipe"]["cross_task"] = None
    at_random = Protocol.model_validate(document)
    document["network"] |= {"backbone": "efficientnet-lite0", "pretrained": "imagenet"}

    assert learns_from_a_source.has_pretrained_encoder
    assert not at_random.has_pretrained_encoder
    assert Protocol.model_validate(document).has_pretrained_encoder


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_decay_is_decoupled_in_adamw_and_part_of_the_gradient_in_adam(kind: str) -> None:
    weight, gradient, rate, decay = 2.0, 0.5, 0.1, 0.3
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, weight)
    recipe = Recipe.model_validate({"optimizer": kind, "learning_rate": rate, "weight_decay": decay})
    optimizer = build_optimizer(network, recipe, warm=False)

    network.weight.grad = torch.full_like(network.weight, gradient)
    optimizer.step()

    # the first step of Adam is the rate in the gradient's direction, whatever its size
    expected = weight - rate if kind == "adam" else weight * (1 - rate * decay) - rate
    assert network.weight.item() == pytest.approx(expected, rel=1e-6)


def test_frozen_parameters_are_not_given_to_the_optimiser() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).requires_grad_(False)
    network[1].requires_grad_(True)

    optimizer = build_optimizer(network, Recipe(), warm=False)

    given = [p for group in optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in given} == {id(p) for p in network[1].parameters()}
