"""Trainings without room to save their state or their model, against limits of the system."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.stop import ResourceError
from monai_ext.models import load_network, publish, read_card

pytestmark = pytest.mark.slow

OPTIONS = TrainOptions(max_epochs=2, batch_size=4, val_interval=1, seed=1)
MEGABYTE = 2**20


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Within the block, no file of this process grows above a size in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files(folder: Path) -> dict[str, bytes]:
    """All files of a model folder but the events of TensorBoard and the lock."""
    found = (path for path in folder.rglob("*") if path.is_file() and "runs" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.name != ".training.lock"}


@pytest.fixture(scope="module")
def images(blob_study):
    return labelled_images(blob_study)[:8]


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[[int], Path]]:
    """A disk of so many bytes; another call changes its size."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def resize(size: int) -> Path:
        nonlocal mounted
        options = f"size={size}" + (",remount" if mounted else "")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True
        )
        if done.returncode != 0:
            pytest.skip(f"this user may not make a small disk: {done.stderr.strip()}")
        mounted = True
        return place

    yield resize
    if mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_a_training_that_cannot_be_saved_ends_and_the_model_stays(tmp_path, images, blob_protocol) -> None:
    folder = tmp_path / "blobs"
    train_model(blob_protocol, images, folder, OPTIONS)
    before = files(folder)
    options = OPTIONS.model_copy(update={"checkpoint_seconds": 0})

    with largest_file(3 * len(before["v1.safetensors"])), pytest.raises(ResourceError) as raised:
        train_model(blob_protocol, images, folder, options)

    assert str(raised.value) == (
        "There is no room on the disk to save the training of 'blobs' (File too large): free some space and train "
        "again, which continues from the last saved state; the published network is unchanged."
    )
    assert files(folder) == before
    load_network(folder)


def test_a_model_that_cannot_be_published_leaves_nothing(tmp_path, images, blob_protocol) -> None:
    folder = tmp_path / "blobs"
    network, card = load_network_of(folder, images, blob_protocol)
    before = files(folder)
    fields = card.model_dump(exclude={"format", "version", "weights", "sha256"})
    weights = len(before["v1.safetensors"])

    for size in (weights // 2, weights, 10):
        with largest_file(size), pytest.raises(OSError, match="File too large"):
            publish(folder, network.state_dict(), {**fields, "data": "x" * (2 * weights)})
        assert files(folder) == before


def load_network_of(folder, images, protocol):
    train_model(protocol, images, folder, OPTIONS.model_copy(update={"max_epochs": 1}))
    return load_network(folder)


def test_a_disk_that_is_full_when_publishing_keeps_the_run(disk, images, blob_protocol) -> None:
    place = disk(500 * MEGABYTE)
    folder = place / "blobs"
    train_model(blob_protocol, images, folder, OPTIONS.model_copy(update={"max_epochs": 1, "learning_rate": 1e-9}))
    before = set(files(folder))
    weights = len(files(folder)["v1.safetensors"])
    state = 5 * weights  # network, its average, two moments of the optimiser, and the best weights
    disk(weights + state + int(0.7 * weights))

    with pytest.raises(ResourceError, match="No space left on device"):
        train_model(blob_protocol, images, folder, OPTIONS)
    assert read_card(folder).version == "v1"
    assert set(files(folder)) == before | {".training/state.pt"}
    load_network(folder)

    disk(500 * MEGABYTE)
    epochs: list[int] = []
    result = train_model(blob_protocol, images, folder, OPTIONS, on_progress=lambda p: epochs.append(p["epoch"]))
    assert set(epochs) == {2}  # all was trained already
    assert result.card.version == "v2"
    load_network(folder)
