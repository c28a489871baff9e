"""The device that a person names."""

from __future__ import annotations

import re

import torch

from monai_ext.landmarks import InputError

DEVICE_PATTERN = r"^(auto|cpu|cuda(:\d+)?)$"


def find_device(name: str, local_rank: int = 0) -> torch.device:
    """The device of a name: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Args:
        name: what the person named.
        local_rank: the GPU that ``auto`` takes.

    Raises:
        InputError: no such name, or a GPU that this machine does not have.
    """
    if not re.match(DEVICE_PATTERN, name):
        raise InputError(f"A device is auto, cpu, cuda or cuda:N, not {name!r}.")
    if name == "auto":
        return torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
    device = torch.device(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise InputError(
            f"The device {name!r} was asked for, but this machine has {count} usable GPUs: use cpu or auto."
        )
    return device


def device_names() -> list[str]:
    """The names that this machine has a device for."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ["auto", "cpu", *(["cuda"] if count else []), *(f"cuda:{number}" for number in range(count))]
