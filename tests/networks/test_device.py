from __future__ import annotations

import pytest
import torch

from monai_ext.landmarks import InputError
from monai_ext.networks import find_device


def test_the_cpu_is_always_there() -> None:
    assert find_device("cpu") == torch.device("cpu")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert find_device("auto", local_rank=3) == torch.device("cuda:3")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    assert find_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="'cuda:2' was asked for, but this machine has 2"):
        find_device("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", ""])
def test_another_name_is_refused(name) -> None:
    with pytest.raises(InputError, match="auto, cpu, cuda"):
        find_device(name)
