"""The life of a training against the real server, with MONAI Label's own client: stop, go on, kill, lock, restart."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from app_server import Server
from app_spots import spot_points, write_label
from monailabel.client import MONAILabelClient

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.landmarks import read_protocol
from monai_ext.models import check_free, read_card, training_lock
from monai_ext.studies import Studies

pytestmark = pytest.mark.server

LABELLED = 6
#: Of a training that is stopped in its middle and then goes on to its end.
CHOSEN = {"max_epochs": 15, "batch_size": 1, "seed": 4}
FOR_EVER = {"max_epochs": 50_000}
#: MONAI Label's words, by ours.
WORDS = {"queued": "SUBMITTED", "running": "RUNNING", "done": "DONE", "stopped": "STOPPED", "failed": "ERROR"}
RESUMES = "training again with the same labels and options goes on from there."


class Place:
    """A studies folder with labels, the model folder, and servers on them."""

    def __init__(
        self, studies: Path, models: Path, protocol: Path, start: Callable[[], AbstractContextManager[Server]]
    ):
        self.studies, self.folder, self.protocol, self.server = studies, models / "spots", protocol, start
        for index in range(LABELLED):
            label = studies / "labels" / "final" / f"spot_{index:02}.mrk.json"
            write_label(label, studies / f"spot_{index:02}.png", spot_points(index))


@pytest.fixture
def place(
    make_studies: Callable[[int], Path],
    start_server: Callable[..., AbstractContextManager[Server]],
    protocol_dir: Path,
    tmp_path: Path,
) -> Place:
    studies, models = make_studies(LABELLED), tmp_path / "my models"
    conf = {"protocols": "spots", "protocol_dir": str(protocol_dir), "model_dir": str(models)}
    return Place(studies, models, protocol_dir / "spots.yaml", lambda: start_server(studies, **conf))


def stats(client: MONAILabelClient) -> dict[str, Any]:
    found: dict[str, Any] = client.info()["train_stats"]["spots"]
    return found


def wait_until(
    client: MONAILabelClient, wanted: Callable[[dict[str, Any]], bool], seconds: float = 120
) -> dict[str, Any]:
    """The first progress that is as wanted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = stats(client)
        if wanted(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"it stays {found}")


def ended(progress: dict[str, Any]) -> bool:
    return progress["status"] not in {"queued", "running"}


def trainer_of(server: Server) -> psutil.Process:
    (trainer,) = psutil.Process(server.process.pid).children()
    return trainer


@pytest.mark.slow
def test_a_stopped_training_goes_on_and_one_without_a_server_saves_itself(place: Place, tmp_path: Path) -> None:
    with place.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        stop_and_go_on(place, client, server)
        be_refused_by_a_lock(place, server)
        lose_the_server(place, client, server)
    left = psutil.Process().children(recursive=True)
    assert [process for process in left if "monailabel.interfaces.utils.app" in process.cmdline()] == []


def stop_and_go_on(place: Place, client: MONAILabelClient, server: Server) -> None:
    images = labelled_images(Studies(place.studies))
    unbroken = train_model(
        read_protocol(place.protocol), images, place.folder.parent.parent / "unbroken" / "spots", TrainOptions(**CHOSEN)
    )
    assert client.train_stop() is None
    client.train_start("spots", dict(CHOSEN))
    wait_until(client, lambda found: found["status"] == "running" and found["epoch"] >= 2)
    assert requests.post(f"{server.url}/train/spots", timeout=30).status_code == 429
    assert requests.post(f"{server.url}/train/spots?enqueue=true", timeout=30).json()["status"] == "SUBMITTED"

    answer = client.train_stop()
    stopped = stats(client)

    assert answer["status"] == "STOPPED"
    assert answer["request"] == {"model": "spots", **CHOSEN}
    assert [task["status"] for task in requests.get(f"{server.url}/train/?all=true", timeout=30).json()] == [
        "STOPPED"
    ] * 2
    assert stopped["status"] == "stopped"
    assert stopped["message"] == f"Training was stopped in epoch {stopped['epoch']} of 15: {RESUMES}"
    assert not client.train_status(check_if_running=True)
    assert client.info()["models"]["spots"]["model_version"] == "first-labels"  # nothing was published

    client.train_start("spots", dict(CHOSEN))
    resumed = wait_until(client, lambda found: found["status"] == "running")
    done = wait_until(client, ended)

    assert resumed["epoch"] >= stopped["epoch"] - 1
    assert (done["status"], done["model_version"], done["epoch"]) == ("done", "v1", 15)
    assert read_card(place.folder).sha256 == unbroken.card.sha256
    assert done["best"] == unbroken.val_error


def be_refused_by_a_lock(place: Place, server: Server) -> None:
    with training_lock(place.folder):
        answer = requests.post(f"{server.url}/train/spots", timeout=30)
    assert answer.status_code == 409
    assert f"is being trained already, by process {os.getpid()} on " in answer.json()["detail"]


def die_of_memory(place: Place, client: MONAILabelClient, server: Server) -> None:
    client.train_start("spots", dict(FOR_EVER))
    wait_until(client, lambda found: found["status"] == "running" and found["epoch"] >= 1)
    trainer_of(server).kill()  # its lock is free at once
    failed = wait_until(client, ended)
    assert failed["status"] == "failed"
    assert (
        "ended by the system (SIGKILL), most likely for lack of memory: set a smaller batch_size" in failed["message"]
    )
    assert read_card(place.folder).version == "v1"


def lose_the_server(place: Place, client: MONAILabelClient, server: Server) -> None:
    client.train_start("spots", dict(FOR_EVER))
    wait_until(client, lambda found: found["status"] == "running" and found["epoch"] >= 1)
    trainer = trainer_of(server)
    os.kill(server.process.pid, signal.SIGKILL)
    check_saved(place, trainer)


def check_saved(place: Place, trainer: psutil.Process) -> None:
    """A training that lost its server ended by itself, and can go on."""
    _, alive = psutil.wait_procs([trainer], timeout=60)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    progress = json.loads((place.folder / "progress.json").read_text())
    assert progress["status"] == "stopped"
    assert progress["message"].startswith("The server ended. Training was stopped in epoch ")
    assert (place.folder / ".training" / "state.pt").is_file()
    check_free(place.folder)


def agreed(client: MONAILabelClient) -> str:
    """The state of the training, which both answers tell alike."""
    while True:
        before = stats(client)["status"]
        task, goes_on = client.train_status(), client.train_status(check_if_running=True)
        if stats(client)["status"] == before:  # it did not change between the answers
            assert (task["status"], goes_on) == (WORDS[before], before in {"queued", "running"})
            return str(before)


@pytest.mark.slow
def test_both_answers_about_a_training_agree_in_every_state_and_after_a_restart(place: Place, tmp_path: Path) -> None:
    with place.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        assert (stats(client)["status"], requests.get(f"{server.url}/train/", timeout=30).status_code) == ("never", 404)
        client.train_start("spots", {"max_epochs": 6})
        seen = [agreed(client)]
        while seen[-1] != "done":
            seen.append(agreed(client))
        assert list(dict.fromkeys(seen)) == ["queued", "running", "done"]

        client.train_start("spots", dict(FOR_EVER))
        wait_until(client, lambda found: found["status"] == "running")
        assert agreed(client) == "running"
        task = client.train_status()
        trainer = trainer_of(server)
        os.kill(server.process.pid, signal.SIGKILL)
        psutil.wait_procs([trainer], timeout=60)
    with place.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        assert agreed(client) == "stopped"
        found = client.train_status()
        assert {name: found[name] for name in ("id", "request", "start_ts")} == {
            name: task[name] for name in ("id", "request", "start_ts")
        }
        assert found["details"] == [stats(client)["message"]]

        for index in range(1, LABELLED):
            (place.studies / "labels" / "final" / f"spot_{index:02}.mrk.json").unlink()
        client.train_start("spots", {"max_epochs": 1})
        wait_until(client, ended)
        assert agreed(client) == "failed"
        assert [task["status"] for task in requests.get(f"{server.url}/train/?all=true", timeout=30).json()] == [
            "ERROR"
        ]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_asked_to_end_takes_its_training_with_it(place: Place, tmp_path: Path, number: int) -> None:
    with place.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        client.train_start("spots", dict(FOR_EVER))
        wait_until(client, lambda found: found["status"] == "running" and found["epoch"] >= 1)
        trainer = trainer_of(server)
        server.process.send_signal(number)
        server.process.wait(timeout=30)
        check_saved(place, trainer)
    with place.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        seen = stats(client)
        assert (seen["status"], seen["message"].split(" ")[0:3]) == ("stopped", ["The", "server", "ended."])
        client.train_start("spots", dict(FOR_EVER))
        running = wait_until(client, lambda found: found["status"] == "running")
        assert running["epoch"] >= seen["epoch"] - 1
        client.train_stop()


@pytest.mark.slow
def test_an_interrupt_from_the_keyboard_reaches_server_and_training_alike(place: Place, tmp_path: Path) -> None:
    with place.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        client.train_start("spots", dict(FOR_EVER))
        wait_until(client, lambda found: found["status"] == "running" and found["epoch"] >= 1)
        trainer = trainer_of(server)
        os.killpg(server.process.pid, signal.SIGINT)  # as a terminal does
        server.process.wait(timeout=30)
        psutil.wait_procs([trainer], timeout=60)
    progress = json.loads((place.folder / "progress.json").read_text())
    assert progress["status"] == "stopped"
    assert RESUMES in progress["message"]
    check_free(place.folder)


@pytest.mark.slow
def test_a_training_without_memory_or_room_says_so_and_the_model_stays(place: Place, tmp_path: Path) -> None:
    with place.server() as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        client.train_start("spots", {"max_epochs": 3})
        assert wait_until(client, ended)["status"] == "done"
        before = read_card(place.folder)
        die_of_memory(place, client, server)

        client.train_start("spots", {**FOR_EVER, "seed": 1})
        wait_until(client, lambda found: found["status"] == "running")
        psutil.Process(trainer_of(server).pid).rlimit(psutil.RLIMIT_FSIZE, (100_000, 100_000))
        failed = wait_until(client, ended)
        assert failed["status"] == "failed"
        assert failed["message"].startswith(
            "There is no room on the disk to save the training of 'spots' (File too large)"
        )

        client.train_start("spots", {**FOR_EVER, "seed": 2})
        wait_until(client, lambda found: found["status"] == "running" and found["epoch"] >= 1)
        trainer = trainer_of(server)
        used = trainer.memory_info().vms // 2
        trainer.rlimit(psutil.RLIMIT_AS, (used, used))
        wait_until(client, ended)
        failed = stats(client)
        assert failed["status"] == "failed"
        assert "memory" in failed["message"].lower()
        assert "Traceback" not in str(client.train_status())

        assert read_card(place.folder) == before
        assert not list(place.folder.rglob("*.tmp"))
