"""A clock that only the work of a network moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from monai_ext.networks import HeatmapNet

#: Seconds of a batch.
STEP, LOOK = 2.0, 0.5


class WorkClock:
    """Moves by ``STEP`` when a network is trained on a batch and by ``LOOK`` when it looks at one."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.steps = 0

    def __call__(self) -> float:
        return self.now

    def work(self, module: nn.Module, _: object) -> None:
        if isinstance(module, HeatmapNet):
            self.now += STEP if module.training else LOOK
            self.steps += module.training


@pytest.fixture
def clock() -> Iterator[WorkClock]:
    clock = WorkClock()
    hook = register_module_forward_pre_hook(clock.work)
    yield clock
    hook.remove()
