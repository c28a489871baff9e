"""The moving average of the weights that is validated and published."""

from __future__ import annotations

import copy

import torch
from ignite.engine import Engine, Events
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

#: How strongly the average of the first steps leans to the latest ones: eta of Shamir and Zhang.
EMA_ETA = 9


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
