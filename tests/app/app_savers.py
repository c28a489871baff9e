"""Clients that save labels until the server is killed, and what must be there afterwards."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import requests
from app_server import APP_DIR, Server, end_group, launch, wait_until_up
from app_spots import spot_points, write_label


@dataclass
class Saves:
    """What one client sent: the answered content and note of each image, and the one that was never answered."""

    images: list[str]
    answered: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    pending: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    count: int = 0


class Saver(threading.Thread):
    """Saves labels of its images, one after the other, until the server is gone or enough are saved."""

    def __init__(self, server: Server, studies: Path, saves: Saves, limit: int | None = None) -> None:
        super().__init__(daemon=True)
        self._server, self._studies, self._saves, self._limit = server, studies, saves, limit
        self.problem: str | None = None

    def run(self) -> None:
        session = requests.Session()
        for number, image in enumerate(itertools.cycle(self._saves.images)):
            if number == self._limit:
                return
            content, note = label_content(self._studies, image), f"{image} {time.monotonic_ns()}"
            self._saves.pending[image] = content, note
            try:
                response = session.put(
                    f"{self._server.url}/datastore/label",
                    params={"image": image},
                    files={"label": ("l.mrk.json", content)},
                    data={"params": json.dumps({"note": note, "protocol": "spots"})},
                    timeout=60,
                )
            except requests.RequestException:
                return
            if response.status_code != 200:
                self.problem = f"{response.status_code}: {response.text}"
                return
            self._saves.answered[image] = self._saves.pending.pop(image)
            self._saves.count += 1


def label_content(studies: Path, image: str) -> bytes:
    """A label of an image like no other."""
    path = studies.parent / f"{image} {threading.get_ident()}.mrk.json"
    points = spot_points(int(image.removeprefix("spot_"))) + random.uniform(-1, 1)
    return write_label(path, studies / f"{image}.png", points).read_bytes()


def save_until_killed(server: Server, studies: Path, saves: list[Saves], rng: random.Random) -> int:
    """Kills the server at a random moment while clients save; returns how many saves were answered."""
    before = sum(client.count for client in saves)
    for client in saves:
        client.pending.clear()
    savers = [Saver(server, studies, client) for client in saves]
    for saver in savers:
        saver.start()
    deadline = time.monotonic() + 60
    while sum(client.count for client in saves) == before and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(rng.uniform(0, 0.6))
    end_group(server.process)
    for saver in savers:
        saver.join(60)
        assert saver.problem is None, saver.problem
    return sum(client.count for client in saves) - before


def check_saves(server: Server, studies: Path, saves: Iterable[Saves]) -> None:
    """Every answered save is there with its bytes and its note; a pending one may have taken place."""
    objects = requests.get(f"{server.url}/datastore/", params={"output": "all"}, timeout=60).json()["objects"]
    for client in saves:
        for image, answered in client.answered.items():
            info = objects[image]["labels"]["final"]["info"]
            path = studies / "labels" / "final" / f"{image}.mrk.json"
            found = path.read_bytes(), info["note"]
            assert found in (answered, client.pending.get(image)), f"{image}: {info}"
            assert info["protocol"] == "spots"
            client.answered[image] = found


def start(studies: Path, conf: dict[str, str], log_path: Path) -> Server:
    """The real server, answering."""
    server = launch(APP_DIR, studies, conf, log_path)
    try:
        wait_until_up(server)
    except BaseException:
        end_group(server.process)
        print(server.log()[-8000:])
        raise
    return server
