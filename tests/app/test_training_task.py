from __future__ import annotations

import json
import logging
import math
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from app_spots import NAMES, SPOTS, spot_points, write_label

from lib.datastore import LandmarkDatastore
from lib.errors import ParameterError
from lib.served_labels import FinalLabels, training_set
from lib.served_model import ServedModel
from lib.trainers import LandmarkTrain, ending, landmark_train, train_options
from lib.trainers.progress import ProgressFile
from monai_ext.engines.stop import StopSwitch
from monai_ext.images import read_frame
from monai_ext.landmarks import (
    InputError,
    Landmarks,
    Protocol,
    find_protocol,
    json_text,
    markups_document,
    read_protocol,
)


@pytest.fixture
def protocols(tmp_path: Path) -> dict[str, Protocol]:
    (tmp_path / "spots.yaml").write_text(SPOTS)
    spots = read_protocol(tmp_path / "spots.yaml")
    return {"spots": spots, "fundus": find_protocol("fundus")}


@pytest.fixture
def studies(make_studies: Callable[[int], Path]) -> Path:
    studies = make_studies(4)
    for i in range(3):
        write_label(studies / f"labels/final/spot_{i:02}.mrk.json", studies / f"spot_{i:02}.png", spot_points(i))
    return studies


def make_task(protocols: dict[str, Protocol], tmp_path: Path) -> LandmarkTrain:
    return LandmarkTrain(ServedModel(protocols["spots"], tmp_path / "model", tmp_path / "pretrained"), protocols)


def test_options_of_a_request_are_taken_and_platform_names_left_out() -> None:
    request = {"model": "spots", "gpus": "all", "local_rank": 0, "client_id": "x", "max_epochs": 7, "device": "cpu"}
    assert train_options(request).model_dump(exclude_unset=True) == {"max_epochs": 7, "device": "cpu"}
    assert train_options({"minutes": 2.5}).minutes == 2.5


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"name": "../../x"}, "'name' is unknown; use max_epochs, minutes, batch_size, learning_rate"),
        ({"resume": False}, "'resume' is unknown"),
        ({"max_epochs": 0}, "'max_epochs' cannot be 0"),
        ({"minutes": 0}, "'minutes' cannot be 0"),
        ({"max_epochs": "many"}, "'max_epochs' cannot be 'many'"),
        ({"device": "tpu"}, "'device' cannot be 'tpu'"),
        ({"val_fraction": 1.5}, "'val_fraction' cannot be 1.5"),
        ({"max_epochs": True}, "'max_epochs' cannot be True: it is neither yes nor no"),
        ({"max_epochs": 2.5}, "'max_epochs' cannot be 2.5"),
        ({"max_epochs": 10**30}, "'max_epochs' cannot be 10000"),
        ({"learning_rate": math.nan}, "'learning_rate' cannot be nan"),
        ({"learning_rate": math.inf}, "'learning_rate' cannot be inf"),
        ({"batch_size": 100_000}, "'batch_size' cannot be 100000"),
        ({"batch_size": None, "patience": -1}, "'patience' cannot be -1"),
        ({"seed": 2**31}, "'seed' cannot be 2147483648"),
        ({"seed": [1]}, r"'seed' cannot be \[1\]"),
        ({"device": "cuda:99"}, "'device' cannot be 'cuda:99': this machine has auto, cpu"),
        ({"device": "cpu\n"}, "'device' cannot be"),
    ],
)
def test_bad_options_are_named(request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        train_options(request_)


def test_training_set_holds_the_final_labels_with_their_splits(studies: Path, protocols: dict[str, Protocol]) -> None:
    (studies / "splits.json").write_text(json.dumps({"val": ["spot_01"]}))
    (studies / "subjects.json").write_text(json.dumps({"S1": ["spot_00", "spot_03"]}))
    write_label(studies / "labels/draft/spot_03.mrk.json", studies / "spot_03.png", spot_points(3))
    found = training_set(LandmarkDatastore(str(studies)), protocols["spots"], protocols)
    assert [(item.id, item.split) for item in found] == [("spot_00", None), ("spot_01", "val"), ("spot_02", None)]
    assert [item.subject for item in found] == ["S1", None, None]
    assert found[0].image == studies / "spot_00.png"
    assert found[0].label == studies / "labels/final/spot_00.mrk.json"
    assert found[0].content == found[0].label.read_bytes()
    assert found[0].landmarks.names == protocols["spots"].landmark_names
    np.testing.assert_allclose(found[0].landmarks.points, spot_points(0), atol=1e-9)


def test_labels_of_other_served_protocols_are_left_out(
    studies: Path, protocols: dict[str, Protocol], caplog: pytest.LogCaptureFixture
) -> None:
    path = studies / "labels/final/spot_01.mrk.json"
    path.write_text(path.read_text().replace('"bright"', '"fovea"').replace('"dim"', '"optic_disc"'))
    store = LandmarkDatastore(str(studies))
    with caplog.at_level(logging.INFO):
        found = training_set(store, protocols["spots"], protocols)
    assert [item.id for item in found] == ["spot_00", "spot_02"]
    assert "1 labels belong to other protocols" in caplog.text
    assert [item.id for item in training_set(store, protocols["fundus"], protocols)] == ["spot_01"]


def test_labels_saved_for_a_protocol_that_is_not_served_are_left_out(
    studies: Path, protocols: dict[str, Protocol], caplog: pytest.LogCaptureFixture
) -> None:
    names = {"spot_00": ("fovea", "optic_disc"), "spot_02": NAMES}
    store = LandmarkDatastore(str(studies))
    for image, own in names.items():  # the second one fits all the same, as where a protocol was renamed
        label = Landmarks(own, [[20.0, 30.0], [70.0, 10.0]], read_frame(studies / f"{image}.png"))
        content = json_text("label", markups_document(label)).encode()
        store.store_label(image, "final", content, {"protocol": "retired"})
    served = {"spots": protocols["spots"]}
    with caplog.at_level(logging.INFO):
        found = training_set(store, served["spots"], served)
    assert [item.id for item in found] == ["spot_01", "spot_02"]
    np.testing.assert_allclose(found[1].landmarks.points, [[20, 30], [70, 10]], atol=1e-9)
    assert "1 labels belong to other protocols" in caplog.text
    assert FinalLabels(store, served).counts(store.objects) == {"spots": len(found)}


def test_a_label_of_no_protocol_and_a_set_without_labels_are_refused(
    studies: Path, protocols: dict[str, Protocol]
) -> None:
    store = LandmarkDatastore(str(studies))
    with pytest.raises(InputError, match="No image has a final label of the protocol fundus"):
        training_set(store, protocols["fundus"], protocols)
    path = studies / "labels/final/spot_01.mrk.json"
    path.write_text(path.read_text().replace('"dim"', '"dimm"'))
    with pytest.raises(InputError, match="bright, dimm match no served protocol"):
        training_set(store, protocols["spots"], protocols)


def test_progress_before_any_training(tmp_path: Path) -> None:
    assert ProgressFile(tmp_path).read() == {"status": "never"}


def test_progress_is_always_finite_json(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path)
    progress.write({"status": "running", "loss": np.float32("nan"), "epoch": np.int64(3)})
    assert progress.read() == {"status": "running", "loss": None, "epoch": 3}


def _ended_process() -> dict[str, float]:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = {"pid": child.pid, "started": psutil.Process(child.pid).create_time()}
    child.communicate(b"\n")
    return identity


def test_run_whose_process_is_gone_is_not_running(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path)
    progress.path.write_text(json.dumps({"status": "running", "epoch": 5, "process": _ended_process()}))
    failed = progress.read()
    assert (failed["status"], failed["epoch"]) == ("failed", 5)
    assert failed["message"] == "The training process ended early, by force or with its server."
    (tmp_path / ".training").mkdir()
    (tmp_path / ".training/state.pt").touch()
    assert progress.read()["message"].endswith("goes on from the last saved state.")


def test_a_reused_process_number_is_not_the_run(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path)
    document = {"status": "running", "process": {"pid": os.getpid(), "started": 1.0}}
    progress.path.write_text(json.dumps(document))
    assert progress.read()["status"] == "failed"


def test_queued_run_waits_only_while_the_server_knows_of_it(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path)
    progress.write({"status": "queued", "epoch": 0, "max_epochs": 9})
    assert progress.read(waiting=True) == {"status": "queued", "epoch": 0, "max_epochs": 9}
    assert progress.read()["status"] == "failed"


def test_damaged_progress_file_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text("{")
    read = ProgressFile(tmp_path).read()
    assert read["status"] == "failed"
    assert "progress.json" in read["message"]


def test_bad_labels_leave_a_failed_run_with_one_sentence(
    studies: Path, protocols: dict[str, Protocol], tmp_path: Path
) -> None:
    for i in (1, 2):
        (studies / f"labels/final/spot_{i:02}.mrk.json").unlink()
    task = make_task(protocols, tmp_path)
    with pytest.raises(InputError, match="at least 2 labelled images"):
        task({"model": "spots", "max_epochs": 1}, LandmarkDatastore(str(studies)))
    stats = task.stats()
    assert stats["status"] == "failed"
    assert "at least 2 labelled images" in stats["message"]
    assert not task.model.is_ready()


@pytest.mark.slow
def test_the_server_shows_how_far_a_training_is_and_how_long_it_takes(
    studies: Path, protocols: dict[str, Protocol], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    write = ProgressFile.write

    def record(self: ProgressFile, progress: dict[str, Any], task: dict[str, Any] | None = None) -> None:
        write(self, progress, task)
        shown.append(self.look(waiting=True)[0])

    monkeypatch.setattr(ProgressFile, "write", record)
    task = make_task(protocols, tmp_path)
    request = {"model": "spots", "max_epochs": 8, "minutes": 1000, "batch_size": 1, "device": "cpu"}
    task(request, LandmarkDatastore(str(studies)))

    running = [stats for stats in shown if stats["status"] == "running"]
    steps = 8 * running[0]["train_images"]
    assert running[0]["train_images"] + running[0]["val_images"] == 3
    assert {(stats["max_steps"], stats["batch_size"], stats["device"]) for stats in running} == {(steps, 1, "cpu")}
    assert [stats["seconds_left"] is None for stats in (running[0], running[-1])] == [True, False]
    assert (running[-1]["step"], running[-1]["complete_epochs"], running[-1]["val_epoch"]) == (steps, 8, 8)
    final = task.stats()
    assert (final["status"], final["step"], final["seconds_left"]) == ("done", steps, 0)
    assert final["seconds"] >= running[-1]["seconds"]


def test_a_crash_leaves_a_failed_run_with_one_sentence(
    studies: Path, protocols: dict[str, Protocol], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object, on_progress: Callable[[dict[str, Any]], None], **options: object) -> None:
        on_progress({"status": "running", "epoch": 2})
        raise MemoryError("out of memory")

    monkeypatch.setattr(landmark_train, "train_model", crash)
    task = make_task(protocols, tmp_path)
    with pytest.raises(MemoryError):
        task({"model": "spots"}, LandmarkDatastore(str(studies)))
    stats = task.stats()
    assert (stats["status"], stats["epoch"]) == ("failed", 2)
    assert stats["message"] == "Training failed unexpectedly (MemoryError: out of memory); see the server's log."


def test_a_training_whose_server_ends_is_asked_to_stop_and_then_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    told: list[str] = []
    parent = iter([4711])
    monkeypatch.setattr(ending, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(ending, "GRACE", 0.05)
    monkeypatch.setattr(ending.os, "getppid", lambda: next(parent, 1))
    monkeypatch.setattr(ending.os, "_exit", lambda code: ended.set())
    stop = StopSwitch()
    with ending.ends_with_parent(stop, lambda: told.append("lost")):
        assert ended.wait(10)
    assert stop()
    assert stop.cause == "The server ended."
    assert told == ["lost"]


def test_a_server_that_ended_before_the_training_began_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    server = subprocess.Popen([sys.executable, "-c", ""])
    server.wait()
    monkeypatch.setenv(ending.SERVER_VARIABLE, str(server.pid))
    monkeypatch.setattr(ending, "SECONDS_BETWEEN_LOOKS", 0.01)
    stop = StopSwitch()
    with ending.ends_with_parent(stop, lambda: None):
        deadline = time.monotonic() + 10
        while not stop() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert stop.cause == "The server ended."


def test_a_training_whose_server_lives_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "SECONDS_BETWEEN_LOOKS", 0.01)
    stop = StopSwitch()
    with ending.ends_with_parent(stop, lambda: None):
        time.sleep(0.1)
    assert not stop()


def test_an_end_is_recorded_only_where_the_run_did_not_do_so_itself(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path)
    progress.write({"status": "queued", "epoch": 0})
    progress.end_if_active("failed", "It broke.")
    assert progress.read() == {"status": "failed", "epoch": 0, "message": "It broke."}
    progress.end_if_active("stopped", "It was stopped.")
    assert progress.read()["status"] == "failed"


def test_the_run_of_another_living_process_is_left_alone(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path)
    other = {"pid": os.getppid(), "started": psutil.Process(os.getppid()).create_time()}
    progress.path.write_text(json.dumps({"status": "running", "epoch": 3, "process": other}))
    progress.end_if_active("failed", "A second training was refused.")
    assert progress.read() == {"status": "running", "epoch": 3}


def test_an_end_that_finds_no_room_is_still_told_by_this_process(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path)
    progress.write({"status": "running", "epoch": 3})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        progress.end("failed", "There is no room.")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert progress.read() == {"status": "failed", "epoch": 3, "message": "There is no room."}
    assert os.listdir(tmp_path) == ["progress.json"]
    progress.write({"status": "running", "epoch": 4})
    assert progress.read() == {"status": "running", "epoch": 4}
