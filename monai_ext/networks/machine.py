"""The machine and the versions that a number was measured with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from monai_ext import __version__


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
