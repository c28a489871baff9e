"""The highest memory use of a piece of work, of the process (Linux) or of the CUDA device, in MiB."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import torch

#: glibc's name for the size from which memory is mapped, and so given back as soon as it is free.
_MMAP_THRESHOLD = -3


def map_large_blocks() -> None:
    """From now on memory in use is what the process holds: free blocks do not stay in it. This costs time."""
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 16)


def start_peak(device: str) -> float:
    """Forgets the highest memory use so far, and gives the present one."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    gc.collect()
    # Gives freed memory back, so that the work to come cannot hide in it.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _process_mebibytes("VmRSS")


def peak(device: str) -> float:
    """The highest memory use since :func:`start_peak`."""
    return torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else _process_mebibytes("VmHWM")


def _process_mebibytes(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 2**10 for line in lines if line.startswith(field))
