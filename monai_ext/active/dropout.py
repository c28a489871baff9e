"""Networks that drop units at random also when they answer (Gal and Ghahramani, ICML 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd


def dropout_layers(network: nn.Module) -> list[nn.Module]:
    """The layers that drop anything."""
    return [module for module in network.modules() if isinstance(module, _DropoutNd) and module.p > 0]


@contextmanager
def dropping(network: nn.Module, seed: int, device: torch.device) -> Iterator[None]:
    """Within the block the dropout layers of a network in evaluation mode drop, from a seed; all else stays as it is.

    The global random state is put back afterwards.
    """
    layers = [layer for layer in dropout_layers(network) if not layer.training]
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        for layer in layers:
            layer.train()
        try:
            yield
        finally:
            for layer in layers:
                layer.eval()
