"""The optimiser, its learning-rate schedule, the clipping of gradients and the moving average of the weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from monai_ext.landmarks import Recipe

#: A model that goes on from trained weights learns at this share of the recipe's rate.
WARM_START_RATE = 0.3
#: Where the step schedule falls, as a share of the steps, and to what (Lei et al., OMIA 2022: epoch 90 of 140).
STEP_AT, STEP_FACTOR = 90 / 140, 0.1
#: Of the polynomial schedule (Fu et al., MLMI 2020).
POLYNOMIAL_POWER = 0.9
#: How strongly the average of the first steps leans to the latest ones: eta of Shamir and Zhang.
EMA_ETA = 9


def build_optimizer(
    network: nn.Module, recipe: Recipe, *, warm: bool, pretrained: bool = False
) -> torch.optim.Optimizer:
    """Adam, or AdamW with decoupled decay; biases and normalisation scales are not decayed.

    Args:
        network: its parameters that learn are optimised.
        recipe: optimiser, rates and decay.
        warm: whether the whole network was trained before.
        pretrained: whether its encoders, the parts named ``encoder``, were: then they learn at the recipe's
            ``encoder_rate`` of the rate. The groups of the other parts come first.
    """
    rate = recipe.learning_rate * (WARM_START_RATE if warm else 1.0)
    share = recipe.encoder_rate if pretrained else 1.0
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            of_encoder = share != 1.0 and "encoder" in name.split(".")
            groups.setdefault((of_encoder, parameter.ndim <= 1), []).append(parameter)
    settings = [
        {
            "params": groups[of_encoder, plain],
            "lr": rate * (share if of_encoder else 1.0),
            "weight_decay": 0.0 if plain else recipe.weight_decay,
        }
        for of_encoder, plain in sorted(groups)
    ]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimizer]
    return kind(settings, lr=rate, fused=True)


#: Learning rate as a factor of the first one, by the share of the steps after the warm-up that are done.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "linear": lambda done: 1 - done,
    "polynomial": lambda done: (1 - done) ** POLYNOMIAL_POWER,
    "step": lambda done: 1.0 if done < STEP_AT else STEP_FACTOR,
}


def learning_rate_factor(step: int, steps: int, warmup: float, schedule: str = "cosine") -> float:
    """Linear rise over the first ``warmup`` share of the steps, then one of :data:`SCHEDULES`.

    Args:
        step: from 0.
        steps: of the whole run.
        warmup: share of the steps; one step at least where it is not zero.
        schedule: name.
    """
    rising = max(1, round(warmup * steps)) if warmup else 0
    if step < rising:
        return (step + 1) / rising
    return SCHEDULES[schedule](min(1.0, (step - rising) / max(1, steps - rising)))


def attach_schedule(trainer: Engine, optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> None:
    """Sets the learning rate before every step, as a function of the step alone: a resumed run needs no state."""
    rates = [group["lr"] for group in optimizer.param_groups]

    @trainer.on(Events.ITERATION_STARTED)
    def set_rate(engine: Engine) -> None:
        factor = learning_rate_factor(engine.state.iteration - 1, steps, recipe.warmup, recipe.schedule)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor


def attach_gradient_clip(trainer: Engine, network: nn.Module, largest_norm: float) -> None:
    """Clips the gradient's norm before every step, in true units under mixed precision."""

    @trainer.on(IterationEvents.BACKWARD_COMPLETED)
    def clip(engine: Engine) -> None:
        if engine.scaler is not None:
            engine.scaler.unscale_(engine.optimizer)
        nn.utils.clip_grad_norm_(network.parameters(), largest_norm)


def kept_share(step: int, decay: float) -> float:
    """The share of itself that the average keeps at a step.

    It is ``min(decay, (t - 1) / (t + eta))`` at step t. While the second term is the lesser one, the average is that of
    Shamir and Zhang (Stochastic Gradient Descent for Non-smooth Optimization, ICML 2013, section 4)::

        average_t = (1 - (eta + 1) / (t + eta)) * average_(t-1) + (eta + 1) / (t + eta) * w_t

    Multiplied out, the weights after step k count as

        a_k = (eta + 1) * [k (k+1) ... (k+eta-1)] / [t (t+1) ... (t+eta)],   k = 1 ... t,

    which sum to one. The first step keeps nothing, so that the start has no share and no bias is left to divide out.
    The average reaches back over about t / (eta + 2) steps and is a plain exponential one from the step on where that
    is as long as ``decay`` allows. Adam's correction, division by ``1 - decay^t``, leaves the start out too, but counts
    the first, nearly random steps like the latest until ``1 / (1 - decay)`` steps are over.

    Args:
        step: from 1.
        decay: the largest share.
    """
    return min(decay, (step - 1) / (step + EMA_ETA))


def attach_average(trainer: Engine, network: nn.Module, decay: float) -> nn.Module:
    """The network whose weights and statistics are the moving average of those of the trained one.

    Batch statistics are averaged like weights; what is counted, such as batches, is copied. The average is a function
    of the weights after each step and the number of the step: a resumed run needs no state but the average itself.
    A decay of zero gives the trained network itself.
    """
    if decay == 0:
        return network
    average = copy.deepcopy(network).eval().requires_grad_(False)
    slow, fast = (list(net.state_dict().values()) for net in (average, network))
    floating = [tensor.is_floating_point() for tensor in slow]
    averaged = [[t for t, f in zip(side, floating, strict=True) if f] for side in (slow, fast)]
    counted = [[t for t, f in zip(side, floating, strict=True) if not f] for side in (slow, fast)]

    @trainer.on(Events.ITERATION_COMPLETED)
    @torch.no_grad()
    def follow(engine: Engine) -> None:
        step = engine.state.iteration
        get_ema_multi_avg_fn(kept_share(step, decay))(*averaged, step)
        for tensor, source in zip(*counted, strict=True):
            tensor.copy_(source)

    return average
