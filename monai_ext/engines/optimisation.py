"""The optimiser, its learning-rate schedule and the moving average of the weights."""

from __future__ import annotations

import math

import torch
from ignite.engine import Engine, Events
from ignite.handlers import EMAHandler, LRScheduler
from monai.engines.utils import IterationEvents
from torch import nn

from monai_ext.landmarks.protocol import Recipe

#: A model that goes on from trained weights learns at this share of the recipe's rate.
WARM_START_RATE = 0.3
#: The moving average starts as the plain weights and slows down over at most this many steps.
EMA_WARMUP_STEPS = 100


def build_optimizer(network: nn.Module, recipe: Recipe, *, warm: bool) -> torch.optim.Optimizer:
    """AdamW; biases and normalisation scales are not decayed."""
    rate = recipe.learning_rate * (WARM_START_RATE if warm else 1.0)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate)


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Linear rise over the first ``warmup`` share of the steps, then half a cosine down to zero."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def attach_schedule(trainer: Engine, optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> LRScheduler:
    """Sets the learning rate before every step; returns the scheduler for its state."""
    rule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step, steps, recipe.warmup))
    scheduler = LRScheduler(rule)
    trainer.add_event_handler(Events.ITERATION_STARTED, scheduler)
    return scheduler


def attach_gradient_clip(trainer: Engine, network: nn.Module, largest_norm: float) -> None:
    """Clips the gradient's norm before every step, in true units under mixed precision."""

    @trainer.on(IterationEvents.BACKWARD_COMPLETED)
    def clip(engine: Engine) -> None:
        if engine.scaler is not None:
            engine.scaler.unscale_(engine.optimizer)
        nn.utils.clip_grad_norm_(network.parameters(), largest_norm)


def attach_average(trainer: Engine, network: nn.Module, decay: float, steps: int) -> nn.Module:
    """The network whose weights follow those of the trained one; the trained one itself for a decay of zero."""
    if decay == 0:
        return network
    warmup = min(EMA_WARMUP_STEPS, max(2, steps // 5))
    handler = EMAHandler(network, 1 - decay, momentum_warmup=0.5, warmup_iters=warmup, handle_buffers="update")
    handler.attach(trainer)
    return handler.ema_model
