"""Devices by the name that a person gives, and the machine and versions that a number was measured with."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from monai_ext import __version__
from monai_ext.landmarks import DEVICE_PATTERN, InputError


def find_device(name: str, local_rank: int = 0) -> torch.device:
    """The device of a name: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Args:
        name: what the person named.
        local_rank: the GPU that ``auto`` takes.

    Raises:
        InputError: no such name, or a GPU that this machine does not have.
    """
    if not re.match(DEVICE_PATTERN, name):
        raise InputError(f"A device must be auto, cpu, cuda or cuda:N, not {name!r}.")
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


def machine(device: torch.device) -> dict[str, Any]:
    """The machine that a number was measured on."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": gpu or f"{_processor()}, {os.cpu_count()} cores",
    }


def versions() -> dict[str, str]:
    """The versions that a number was measured with."""
    own = {"python": platform.python_version(), "monai-landmarks": __version__, "torch": str(torch.__version__)}
    return own | {name: version(name) for name in ("monai", "numpy", "pytorch-ignite")}


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in path.read_text().splitlines() if line.startswith("model name")
        ]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
