"""Compute device of the machine: a GPU that torch can use, or the CPU."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

import torch

from .check import OK, PROBLEM, WARNING, Check

_GIB = 1 << 30


@dataclass(frozen=True)
class GpuFacts:
    """GPU information from torch and the driver.

    Attributes:
        built_for: the CUDA version that torch was built for; None in a build without CUDA.
        names: the GPUs that torch can use, each with its memory.
        why_not: what torch said when it could not begin to use a GPU; empty if it could or did not try.
        failure: what a small computation on the first GPU said; empty if it went well.
        driver: what the driver's own tool lists, one line for each GPU; empty if there is no driver.
    """

    built_for: str | None
    names: tuple[str, ...] = ()
    why_not: str = ""
    failure: str = ""
    driver: tuple[str, ...] = ()


def read_gpu() -> GpuFacts:
    """The facts of this machine."""
    built_for = torch.version.cuda
    driver = _driver_lines()
    if built_for is None:
        return GpuFacts(None, driver=driver)
    if not torch.cuda.is_available():
        return GpuFacts(built_for, why_not=_why_not() if driver else "", driver=driver)
    names = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        names.append(f"{properties.name}, {properties.total_memory / _GIB:.1f} GiB")
    return GpuFacts(built_for, tuple(names), failure=_compute(), driver=driver)


def check_gpu(gpu: GpuFacts, cores: int, threads: int) -> Check:
    """Check that an existing GPU is used.

    Args:
        gpu: what torch and the driver say.
        cores: processor cores that this process may use.
        threads: threads that torch computes with.
    """
    name = "GPU"
    processor = f"computes on {cores} processor cores with {threads} threads"
    if gpu.failure:
        advice = f"Install a torch for this GPU and driver (this one is for CUDA {gpu.built_for}), or use --device cpu."
        return Check(name, PROBLEM, f"{gpu.names[0]} cannot compute: {gpu.failure}", advice)
    if gpu.names:
        return Check(name, OK, f"{'; '.join(gpu.names)} (torch for CUDA {gpu.built_for})")
    if gpu.driver and gpu.built_for is None:
        advice = "Install a torch with CUDA: see pytorch.org, Get Started."
        return Check(
            name, WARNING, f"{gpu.driver[0]} is not used, as torch was built without CUDA; {processor}", advice
        )
    if gpu.driver:
        found = f"{gpu.driver[0]} is not used by torch for CUDA {gpu.built_for}: {gpu.why_not or 'no reason given'}"
        advice = "Update the NVIDIA driver, or install a torch for the CUDA version that the driver supports."
        return Check(name, WARNING, f"{found}; {processor}", advice)
    return Check(name, OK, f"none; {processor}")


def usable_cores() -> int:
    """The processor cores that this process may use, which a container or a batch system may restrict."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _why_not() -> str:
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return _one_line(error)
    return ""


def _compute() -> str:
    try:
        on_gpu = torch.nn.functional.conv2d(
            torch.ones(1, 1, 8, 8, device="cuda"), torch.ones(1, 1, 3, 3, device="cuda")
        )
        if float(on_gpu.sum()) != 6 * 6 * 9:
            return f"it computes {float(on_gpu.sum())} where 324 is right"
    except RuntimeError as error:
        return _one_line(error)
    return ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")


def _driver_lines() -> tuple[str, ...]:
    """Lines of ``nvidia-smi``; without the tool there is no driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return (f"an NVIDIA GPU whose tool nvidia-smi fails ({_one_line(error)})",)
    if answer.returncode != 0:
        return (f"an NVIDIA GPU whose driver fails ({' '.join((answer.stdout + answer.stderr).split())[:160]})",)
    rows = (line.partition(",") for line in answer.stdout.splitlines() if line.strip())
    return tuple(f"{name.strip()} (driver {driver.strip()})" for name, _, driver in rows)
