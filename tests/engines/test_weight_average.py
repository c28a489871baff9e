"""The moving average against weighted averages that are summed up by hand."""

from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from monai_ext.engines.optimisation import attach_average

ETA = 9


def share(step: int, steps: int, decay: float) -> float:
    """The share of the weights after a step after so many, from products and the closed form of the paper."""
    # (t - 1) / (t + 9) reaches the decay at this step: before it the average is Shamir and Zhang's
    last = min(steps, max(t for t in range(1, 10_000) if (t - 1) / (t + ETA) <= decay))
    later = decay ** (steps - last)
    if step > last:
        return (1 - decay) * decay ** (steps - step)
    rising = math.prod(range(step, step + ETA))  # k (k+1) ... (k+8)
    return later * (ETA + 1) * rising / math.prod(range(last, last + ETA + 1))


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()


def averaged(decay: float, steps: int) -> tuple[dict[str, torch.Tensor], list[dict[str, torch.Tensor]]]:
    """The average's state after a number of steps, and the trained network's state after each."""
    torch.manual_seed(1)
    trained, seen = network(), []

    def step(engine: Engine, batch: int) -> None:
        trained.train()(torch.randn(5, 3, dtype=torch.float64))  # moves the statistics and counts a batch
        with torch.no_grad():
            for parameter in trained.parameters():
                parameter.copy_(torch.randn_like(parameter) + 100 / engine.state.iteration**2)
        seen.append({name: tensor.clone() for name, tensor in trained.state_dict().items()})

    trainer = Engine(step)
    with torch.no_grad():
        trained[0].weight.fill_(1e9)  # the start, which must have no share
    average = attach_average(trainer, trained, decay)
    trainer.run(range(steps))
    return average.state_dict(), seen


@pytest.mark.parametrize("steps", [1, 2, 7, 40, 41, 42, 90])  # at step 41 the decay of 0.8 is reached
def test_the_average_is_the_weighted_sum_of_all_weights_seen(steps: int) -> None:
    found, seen = averaged(0.8, steps)

    shares = [share(k, steps, 0.8) for k in range(1, steps + 1)]
    assert sum(shares) == pytest.approx(1, abs=1e-12)
    for name, tensor in found.items():
        if tensor.is_floating_point():
            expected = sum(a * state[name] for a, state in zip(shares, seen, strict=True))
            torch.testing.assert_close(tensor, expected, rtol=1e-12, atol=1e-12)
    assert found["1.num_batches_tracked"] == steps
    assert not torch.equal(found["1.running_var"], torch.ones(4, dtype=torch.float64))


def test_after_one_step_the_average_is_the_network_to_the_last_bit() -> None:
    found, seen = averaged(0.999, 1)

    assert all(torch.equal(tensor, seen[0][name]) for name, tensor in found.items())


def test_without_a_decay_the_trained_network_is_its_own_average() -> None:
    trained = network()

    assert attach_average(Engine(lambda engine, batch: None), trained, 0.0) is trained
