"""Networks that ask for more memory than there is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from monai_ext.engines import train
from monai_ext.landmarks import Protocol
from monai_ext.networks import LandmarkNetwork

#: More bytes than an address has room for.
TOO_MUCH = 2**56


@pytest.fixture
def hungry(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes networks ask for too much memory in training steps with more than so many images, from a step on."""

    def make(largest: int, first_step: int = 0) -> None:
        build = train.build_network
        steps = 0

        def ask(module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
            nonlocal steps
            if module.training:
                steps += 1
                if len(arguments[0]) > largest and steps > first_step:
                    torch.empty(TOO_MUCH, dtype=torch.uint8)

        def build_hungry(protocol: Protocol) -> LandmarkNetwork:
            network = build(protocol)
            network.register_forward_pre_hook(ask)
            return network

        monkeypatch.setattr(train, "build_network", build_hungry)

    return make
