"""Several clients at once on the real server: nobody gets an error, nobody waits for another's prediction."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import requests
from app_requests import publish_random
from app_server import Server
from app_slow_disk import SlowDisk
from app_spots import SPOTS, spot_points, write_label

from lib.settings import AppSettings

pytestmark = pytest.mark.server

CLIENTS, ROUNDS = 8, 6
KINDS = ("infer", "info", "save", "infer", "info")
SECONDS = 120


class Client:
    """One person, who works on an image of their own."""

    def __init__(self, number: int, url: str, studies: Path, folder: Path) -> None:
        self.number, self.url = number, url
        self.image = f"spot_{number:02}"
        self._picture, self._folder = studies / f"{self.image}.png", folder
        self._web = requests.Session()
        self.statuses: list[int] = []
        self.saved: bytes | None = None

    def work(self) -> None:
        for turn in range(ROUNDS):
            getattr(self, KINDS[(self.number + turn) % len(KINDS)])(turn)

    def infer(self, turn: int) -> None:
        image = f"spot_{(self.number + turn) % CLIENTS:02}"
        answer = self._web.post(f"{self.url}/infer/spots?image={image}&output=json", timeout=SECONDS)
        self.statuses.append(answer.status_code)
        assert answer.json()["image"] == image, answer.text

    def info(self, turn: int) -> None:
        answer = self._web.get(f"{self.url}/info/", timeout=SECONDS)
        self.statuses.append(answer.status_code)
        assert answer.json()["datastore"]["total"] == CLIENTS, answer.text

    def save(self, turn: int) -> None:
        points = spot_points(self.number) + np.array([turn, 0.25])
        path = write_label(self._folder / f"{self.number}.mrk.json", self._picture, points)
        content = path.read_bytes()
        answer = self._web.put(
            f"{self.url}/datastore/label?image={self.image}&tag=final",
            files={"label": content},
            data={"params": json.dumps({"protocol": "spots"})},
            timeout=SECONDS,
        )
        self.statuses.append(answer.status_code)
        if answer.status_code == 200:
            self.saved = content


@pytest.fixture
def served(
    make_studies: Callable[[int], Path],
    start_server: Callable[..., AbstractContextManager[Server]],
    tmp_path: Path,
) -> Iterator[tuple[Server, Path, SlowDisk]]:
    """A server of the protocol ``spots`` and of the same as ``far``, whose model's disk does not answer."""
    studies, app_dir = make_studies(CLIENTS), Path(__file__).resolve().parents[2] / "apps" / "landmarks"
    protocols, models = tmp_path / "protocols", tmp_path / "models"
    protocols.mkdir()
    (protocols / "spots.yaml").write_text(SPOTS)
    (protocols / "far.yaml").write_text(SPOTS.replace("name: spots", "name: far"))
    conf = {"protocols": "spots,far", "protocol_dir": str(protocols), "model_dir": str(models), "infer_slots": "2"}
    settings = AppSettings.from_conf(app_dir, conf)
    publish_random(SimpleNamespace(settings=settings))
    publish_random(SimpleNamespace(settings=settings), protocol=settings.protocols["far"])
    with start_server(studies, **conf) as server:
        yield server, studies, SlowDisk(models / "far" / "v1.safetensors")


def test_eight_clients_work_while_a_prediction_hangs(served: tuple[Server, Path, SlowDisk], tmp_path: Path) -> None:
    server, studies, disk = served
    far: list[requests.Response] = []
    url = f"{server.url}/infer/far?image=spot_00&output=json"
    hanging = threading.Thread(target=lambda: far.append(requests.post(url, timeout=SECONDS)))
    hanging.start()
    while requests.get(f"{server.url}/health", timeout=SECONDS).json()["inference"]["running"] == 0:
        assert hanging.is_alive()

    clients = [Client(number, server.url, studies, tmp_path) for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(client.work) for client in clients]:
            done.result(SECONDS)

    assert [client.statuses for client in clients] == [[200] * ROUNDS] * CLIENTS
    for client in clients:
        assert client.saved is not None
        assert (studies / "labels" / "final" / f"{client.image}.mrk.json").read_bytes() == client.saved
    info = requests.get(f"{server.url}/info/", timeout=SECONDS).json()
    assert info["datastore"]["completed"] == CLIENTS
    assert far == []  # all that was answered while it hung

    disk.answer()
    hanging.join(SECONDS)
    assert far[0].status_code == 200, far[0].text
    assert far[0].json()["protocol"] == "far"
    health = requests.get(f"{server.url}/health", timeout=SECONDS).json()
    assert (health["status"], health["inference"]["running"]) == ("ok", 0)
    assert "Traceback" not in server.log()
