from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import torch

from monai_ext.doctor.check import OK, PROBLEM, WARNING
from monai_ext.doctor.machine import GpuFacts, check_gpu, read_gpu, usable_cores

DRIVER = ("NVIDIA A2 (driver 470.82)",)


def test_a_gpu_that_computes_is_used() -> None:
    check = check_gpu(GpuFacts("12.8", ("NVIDIA A2, 14.6 GiB",), driver=DRIVER), 8, 8)
    assert (check.state, check.found, check.advice) == (OK, "NVIDIA A2, 14.6 GiB (torch for CUDA 12.8)", "")


def test_a_gpu_that_fails_at_once_is_a_problem_as_it_would_be_chosen() -> None:
    check = check_gpu(GpuFacts("12.8", ("Tesla K80, 11.2 GiB",), failure="no kernel image is available"), 8, 8)
    assert check.state == PROBLEM
    assert "Tesla K80, 11.2 GiB cannot compute: no kernel image is available" in check.found


def test_an_old_driver_is_a_warning_with_what_torch_says() -> None:
    check = check_gpu(GpuFacts("12.8", why_not="The NVIDIA driver on your system is too old", driver=DRIVER), 4, 2)
    assert check.state == WARNING
    assert check.found == (
        "NVIDIA A2 (driver 470.82) is not used by torch for CUDA 12.8: The NVIDIA driver on your system is too old; "
        "computes on 4 processor cores with 2 threads"
    )
    assert "Update the NVIDIA driver" in check.advice


def test_a_torch_without_cuda_beside_a_gpu_is_a_warning() -> None:
    check = check_gpu(GpuFacts(None, driver=DRIVER), 4, 4)
    assert (check.state, "built without CUDA" in check.found) == (WARNING, True)


def test_no_gpu_is_no_fault() -> None:
    check = check_gpu(GpuFacts("12.8"), 4, 2)
    assert (check.state, check.found) == (OK, "none; computes on 4 processor cores with 2 threads")


def test_reads_this_machine() -> None:
    gpu = read_gpu()
    assert gpu.built_for == torch.version.cuda
    assert len(gpu.names) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)
    assert gpu.failure == ""
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(os.name != "posix" or torch.cuda.is_available(), reason="makes a tool that is a shell script")
@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("echo 'NVIDIA RTX A6000, 535.104.05'", "NVIDIA RTX A6000 (driver 535.104.05)"),
        (
            "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18",
            "an NVIDIA GPU whose driver fails (Failed to initialize NVML: Driver/library version mismatch)",
        ),
    ],
)
def test_asks_the_drivers_own_tool(place: Path, monkeypatch: pytest.MonkeyPatch, script: str, line: str) -> None:
    tool = place / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(place), prepend=os.pathsep)
    gpu = read_gpu()
    assert gpu.driver == (line,)
    check = check_gpu(gpu, 4, 2)
    assert (check.state, check.found.startswith(line)) == (WARNING, True)
