"""One training at a time in a model folder, against real processes of the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from engine_study import write_study

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.distributed import local_rank, process_rank
from monai_ext.landmarks import read_protocol
from monai_ext.landmarks.files import read_json
from monai_ext.models import HOLDER, FolderBusyError, check_free, training_lock
from monai_ext.studies import Studies

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workshop(tmp_path, blob_protocol):
    """A study and a protocol as the command line takes them, and a way to start a long training of them."""
    studies = write_study(tmp_path / "studies", 6)
    recipe = blob_protocol.recipe.model_copy(update={"val_interval": 1, "max_epochs": 5000, "batch_size": 2})
    protocol = blob_protocol.model_copy(update={"recipe": recipe})
    (tmp_path / "blobs.yaml").write_text(yaml.safe_dump(protocol.model_dump(mode="json")))
    command = [sys.executable, "-m", "monai_ext.cli", "train", "--protocol", str(tmp_path / "blobs.yaml")]
    command += ["--studies", str(studies.root), "--models", str(tmp_path / "models"), "--device", "cpu"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([*command, *options], env=env, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield tmp_path, start
    for process in started:
        process.kill()
        process.communicate()


def wait_for_epoch(process: subprocess.Popen[str]) -> None:
    """Returns when the first validation is printed."""
    deadline = time.monotonic() + 120
    assert process.stderr is not None
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if "error" in line and line.startswith("epoch"):
            return
        assert line, "the training ended"
    raise AssertionError("no epoch was completed")


def wait_until_free(folder: Path) -> None:
    """Returns when nobody holds the folder; processes that load images outlive their killed parent for seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return check_free(folder)
        except FolderBusyError:
            time.sleep(0.2)
    raise AssertionError("it stays locked")


def test_empty_variables_of_a_job_script_are_those_of_one_process(tmp_path, monkeypatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.setenv(name, "")

    assert (process_rank(), local_rank()) == ((0, 1), 0)
    with training_lock(tmp_path):
        assert (tmp_path / HOLDER).exists()


@pytest.mark.slow
def test_a_second_training_is_refused_until_the_first_is_killed(workshop) -> None:
    root, start = workshop
    folder, protocol = root / "models/blobs", read_protocol(root / "blobs.yaml")
    images = labelled_images(Studies(root / "studies"))
    first = start()
    wait_for_epoch(first)
    holder = read_json(folder / HOLDER)

    with pytest.raises(FolderBusyError) as refused:
        train_model(protocol, images, folder, TrainOptions(max_epochs=1))
    with pytest.raises(FolderBusyError):
        check_free(folder)
    first.kill()
    first.communicate()
    wait_until_free(folder)
    with training_lock(folder):
        assert read_json(folder / HOLDER)["pid"] == os.getpid()

    assert holder["pid"] == first.pid
    assert str(refused.value) == (
        f"The network 'blobs' is being trained already, by process {first.pid} on {holder['host']}, since "
        f"{holder['since']}: wait until that ends, or stop it there."
    )


@pytest.mark.slow
def test_commands_beside_one_another(workshop) -> None:
    root, start = workshop
    folder = root / "models/blobs"
    first = start("--workers", "1")
    wait_for_epoch(first)

    second = start()
    refused = " ".join(second.communicate(timeout=120)[1].split())
    first.send_signal(signal.SIGTERM)
    out, _ = first.communicate(timeout=60)
    check_free(folder)

    header, _, sentence = refused.partition(" Error: ")
    assert header == "Training blobs: network heatmap_net, input 96 x 64 pixels."
    assert sentence.startswith(f"The network 'blobs' is being trained already, by process {first.pid} on ")
    assert second.returncode == 2
    assert first.returncode == 130
    assert out.startswith("Training was stopped in epoch ")
    assert (folder / ".training/state.pt").is_file()

    third = start("--workers", "1")  # its loading process inherits what it has open
    wait_for_epoch(third)
    third.kill()
    third.communicate()
    wait_until_free(folder)


def test_the_same_folder_twice_in_one_process_is_refused(tmp_path) -> None:
    refused = pytest.raises(FolderBusyError, match=f"process {os.getpid()} on")
    with training_lock(tmp_path / "blobs"), refused, training_lock(tmp_path / "blobs"):
        raise AssertionError("both hold it")


def test_what_a_killed_process_left_is_not_taken_for_a_training(tmp_path) -> None:
    folder = tmp_path / "blobs"
    with training_lock(folder):
        left = (folder / HOLDER).read_text()
    stale = left.replace(str(os.getpid()), "4194305")
    assert stale != left
    (folder / HOLDER).write_text(stale)
    check_free(folder)
    check_free(tmp_path / "never trained")
    with training_lock(folder):
        assert str(os.getpid()) in (folder / HOLDER).read_text()
        assert "4194305" not in (folder / HOLDER).read_text()
