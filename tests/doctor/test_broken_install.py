"""The command where its packages cannot be loaded: in a process of its own, with packages that are really broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monai_ext.doctor.check import OK, PROBLEM, WARNING, Check
from monai_ext.doctor.packages import explanation

ROOT = Path(__file__).resolve().parents[2]


def run(*folders: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*folders, ROOT))), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "monai_ext.entry", "doctor"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_only_problems_are_told() -> None:
    checks = [Check("a", OK, "x"), Check("b", WARNING, "y"), Check("c", PROBLEM, "z", "Do.")]
    error = RuntimeError("two\n  lines")
    assert explanation(error, checks) == "monai-landmarks cannot be loaded: two lines\nproblem  c: z -> Do."
    assert explanation(error, checks[:2]) == ""


def test_a_torch_that_does_not_load_is_named(place: Path) -> None:
    (place / "torch").mkdir()
    (place / "torch" / "__init__.py").write_text("raise OSError('libcudart.so.12: cannot open shared object file')")
    answer = run(place)
    assert answer.returncode == 1
    first, *others = answer.stderr.splitlines()
    assert first == "monai-landmarks cannot be loaded: libcudart.so.12: cannot open shared object file"
    assert any(line.startswith("problem  torch and torchvision: ") and "pip install" in line for line in others)
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_a_torchvision_that_does_not_load_is_named(place: Path) -> None:
    (place / "torchvision").mkdir()
    (place / "torchvision" / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    answer = run(place)
    assert answer.returncode == 1
    first, *others = answer.stderr.splitlines()
    assert first == "monai-landmarks cannot be loaded: operator torchvision::nms does not exist"
    assert any(line.startswith("problem  torch and torchvision: ") and "pip install" in line for line in others)
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_a_fault_that_no_package_has_is_shown_as_it_is(place: Path) -> None:
    (place / "typer").mkdir()
    (place / "typer" / "__init__.py").write_text("raise RuntimeError('quite another matter')")
    answer = run(place)
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr
    assert "quite another matter" in answer.stderr
