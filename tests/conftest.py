"""What all tests share."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Small networks on a busy machine: threads that wait for one another cost more than they gain.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
#: glibc's return of freed memory to the system; None elsewhere.
MALLOC_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def pytest_collection_finish() -> None:
    """Leaves the packages and the collected tests, which stay to the end, out of the search for garbage.

    Python searches all objects only when a quarter of them is new: beside so many that stay it would never search.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def memory_given_back() -> Iterator[None]:
    """Frees what the tests of a file left, and gives the freed memory back to the system."""
    yield
    gc.collect()
    if MALLOC_TRIM is not None:
        MALLOC_TRIM(0)


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk() -> Iterator[None]:
    """Lets the writes of this process return before they are on the disk, which only a power cut could tell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Begins each test with the same random numbers, whichever tests ran before it."""
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:  # a test of what runs without it does not pay for it
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real labelled images; a test that wants it is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"there are no real images at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def write_dicom() -> Callable[..., Path]:
    """Writes a DICOM file of an array (see :func:`dicom_file.write_dicom`)."""
    from dicom_file import write_dicom

    return write_dicom


@pytest.fixture
def smooth() -> np.ndarray:
    """(23, 37) uint8 without symmetry: mirrored, transposed or shifted it is another image."""
    y, x = np.mgrid[:23, :37]
    return np.round(120 + 60 * np.sin(x / 5.0) + 50 * np.cos(y / 3.0 + x / 11.0)).astype(np.uint8)
