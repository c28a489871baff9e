"""The code of the page on using the library, as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT, SHORT = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "library.md").read_text(encoding="utf-8"), flags=re.S
)
OLD = ROOT / "tests" / "old_folders"


def run(program: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.slow
def test_a_loop_of_ones_own_learns_the_points_of_the_sample_data(tmp_path: Path) -> None:
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    (error,) = re.findall(r"Mean radial error: ([\d.]+) px", run(SCRIPT, tmp_path))
    assert (
        float(error) < 30.0
    )  # of images about 500 px wide; a network that has learned nothing is off by more than 100


def test_the_same_through_the_engine(tmp_path: Path) -> None:
    shutil.copytree(OLD / "studies", tmp_path / "studies")
    shutil.copy(OLD / "tiny.yaml", tmp_path / "wings.yaml")
    shutil.copy(OLD / "studies" / "spots_0.png", tmp_path / "new.png")
    head = "from pathlib import Path\nfrom monai_ext.studies import Studies\n"
    told = run(f"{head}{SHORT}\nprint(result.card.version, landmarks.names, landmarks.points.shape)", tmp_path)
    assert told.splitlines()[-1] == "v1 ('left', 'right', 'chin') (3, 2)"
