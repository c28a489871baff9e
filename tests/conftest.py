"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

# Small networks on a busy machine: threads that wait for one another cost more than they gain.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real labelled images; a test that wants it is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"there are no real images at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
