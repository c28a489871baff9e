"""Steps of the coarse stage alone: which parts learn in them, what the loss counts, and who may ask for them."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Engine, Events
from pydantic import ValidationError
from torch import nn

from monai_ext.engines.optimisation import attach_coarse_steps
from monai_ext.landmarks import InputError, Protocol
from monai_ext.losses import LandmarkLoss, MaskedMSELoss
from monai_ext.networks.halves import Halves
from monai_ext.networks.output import training_arguments
from monai_ext.networks.zian import ZIAN, ZianConfig


def network() -> ZIAN:
    torch.manual_seed(0)
    config = ZianConfig.row("zian", roi_sizes=(32, 64), presence=True, share_backbone=True, fusion_stride=4)
    return ZIAN(nn.Conv2d(1, 16, 3, padding=1), 2, config)


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    image = torch.randn(3, 1, 64, 96, generator=torch.Generator().manual_seed(1))
    points = torch.tensor([[20.0, 30.0], [60.0, 40.0]]).expand(3, 2, 2)
    return image, points, torch.tensor([[1, 1], [1, 2], [0, 1]])


def learning(net: ZIAN) -> set[str]:
    """The parts that have a gradient after one step."""
    net.zero_grad(set_to_none=True)
    image, points, status = batch()
    output = net(image, **training_arguments(net, image, points, status))
    LandmarkLoss(MaskedMSELoss(2.0), presence_weight=1.0)(output, points, status).backward()
    return {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None}


def test_two_of_three_steps_train_the_coarse_stage_alone() -> None:
    net = network().train()
    whole = {"coarse_backbone", "coarse_head", "co_attention", "roi_heads", "fusion", "fine_head", "presence_head"}
    seen: list[set[str]] = []
    trainer = Engine(lambda engine, _: seen.append(learning(net)))
    attach_coarse_steps(trainer, nn.Sequential(net), 2)

    trainer.run([0, 0], max_epochs=3)  # by the step, not by its place in the epoch

    assert seen == [whole, *[{"coarse_backbone", "coarse_head"}] * 2] * 2


def test_a_step_of_the_coarse_stage_has_its_loss_and_no_other() -> None:
    net = network().train()
    image, points, status = batch()
    whole = net(image, **training_arguments(net, image, points, status))
    net.coarse_alone = True
    alone = net(image, **training_arguments(net, image, points, status))

    assert [stage.name for stage in alone.stages] == ["coarse"]
    assert torch.equal(alone.coarse, whole.coarse)
    loss = LandmarkLoss(MaskedMSELoss(2.0), presence_weight=1.0, weights={"coarse": 0.5})
    stage = alone.stages[0]
    expected = 0.5 * MaskedMSELoss(2.0)(stage.heatmaps, stage.frame.from_image(points), status)
    assert loss(alone, points, status) == expected
    with pytest.raises(InputError, match="presence"):
        loss(alone._replace(partial=False), points, status)


def test_in_use_all_stages_answer() -> None:
    net = network().eval()
    answer = net(batch()[0])
    net.coarse_alone = True
    assert torch.equal(net(batch()[0]).fine, answer.fine)


def test_halves_of_an_image_train_the_coarse_stage_alone_too() -> None:
    net = Halves(network(), [0, 1], [2, 3]).train()
    trainer = Engine(lambda engine, _: None)
    attach_coarse_steps(trainer, net, 1)
    trainer.run([0, 0], max_epochs=1)
    image, points, status = batch()
    points, status = torch.cat([points, points], 1), torch.cat([status, status], 1)

    output = net(image, **training_arguments(net, image, points, status))

    assert [stage.name for stage in output.stages] == ["coarse"]
    LandmarkLoss(MaskedMSELoss(2.0), presence_weight=1.0)(output, points, status).backward()
    assert net.network.fine_head.state_dict()  # it is there, and
    assert all(p.grad is None for p in net.network.fine_head.parameters())


def test_an_optimiser_leaves_parts_that_a_step_does_not_use_as_they_are() -> None:
    net = network().train()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2, weight_decay=0.1)
    trainer = Engine(lambda engine, _: (learning(net), optimizer.step()))
    attach_coarse_steps(trainer, net, 1)
    states: list[dict[str, torch.Tensor]] = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: states.append(copy.deepcopy(net.state_dict())))

    trainer.run([0, 0], max_epochs=1)

    changed = {name.split(".")[0] for name in states[0] if not torch.equal(states[0][name], states[1][name])}
    assert changed == {"coarse_backbone", "coarse_head"}


def test_other_networks_have_no_coarse_stage(blob_protocol: Protocol) -> None:
    document = blob_protocol.model_dump(mode="json")
    document["recipe"]["coarse_steps"] = 2
    with pytest.raises(
        ValidationError, match=r"coarse_steps trains the coarse stage of the network zian, which heatmap"
    ):
        Protocol.model_validate(document)
