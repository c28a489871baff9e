"""The real server, killed while labels are saved: it starts again, and every answered save is there."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from app_savers import Saver, Saves, check_saves, label_content, save_until_killed, start
from app_server import Server, end_group
from app_spots import spot_image
from app_writers import Writer

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(sys.platform != "linux", reason="the servers are forked from a process with loaded libraries"),
]

IMAGES = 14
ROUNDS = 4
#: Which image is whose: the first is shared, two clients and two processes have some each.
CLIENTS = [[f"spot_{i:02}" for i in range(1, 5)], [f"spot_{i:02}" for i in range(5, 9)]]
PROCESSES = [["spot_09", "spot_10"], ["spot_11", "spot_12"]]


@dataclass
class Survivor:
    """A server that runs on a folder on which others were killed, and what these had answered."""

    server: Server
    studies: Path
    saves: list[Saves]
    answered: list[int]

    @property
    def url(self) -> str:
        return self.server.url

    def put(self, image: str, tag: str = "final", **params: Any) -> tuple[bytes, requests.Response]:
        content = label_content(self.studies, image)
        response = requests.put(
            f"{self.url}/datastore/label",
            params={"image": image, "tag": tag},
            files={"label": ("l.mrk.json", content)},
            data={"params": json.dumps(params)},
            timeout=60,
        )
        return content, response

    def label(self, image: str) -> bytes:
        return requests.get(f"{self.url}/datastore/label", params={"label": image, "tag": "final"}, timeout=60).content

    def counts(self) -> dict[str, Any]:
        """What MONAI Label counts, which is the same in both of its answers."""
        counts = requests.get(f"{self.url}/info/", timeout=60).json()["datastore"]
        assert requests.get(f"{self.url}/datastore/", timeout=60).json() == counts
        return dict(counts)


def kill_often(folder: Path, protocol_dir: Path, rounds: int, seed: int) -> Survivor:
    studies = folder / "my studies"
    studies.mkdir()
    for i in range(IMAGES):
        spot_image(i).save(studies / f"spot_{i:02}.png")
    conf = {"protocols": "spots", "protocol_dir": str(protocol_dir), "model_dir": str(folder / "model")}
    rng = random.Random(seed)
    saves = [Saves(images) for images in CLIENTS]
    answered = []
    server = start(studies, conf, folder / "server_0.log")
    try:
        for number in range(rounds):
            answered.append(save_until_killed(server, studies, saves, rng))
            json.loads((studies / "datastore_v2.json").read_text())
            server = start(studies, conf, folder / f"server_{number + 1}.log")
            check_saves(server, studies, saves)
            assert "is damaged" not in server.log()
            assert "Traceback" not in server.log()
    except BaseException:
        end_group(server.process)
        raise
    return Survivor(server, studies, saves, answered)


@pytest.fixture(scope="module")
def survivor(tmp_path_factory: pytest.TempPathFactory, protocol_dir: Path) -> Iterator[Survivor]:
    survivor = kill_often(tmp_path_factory.mktemp("killed"), protocol_dir, ROUNDS, seed=1)
    try:
        yield survivor
    finally:
        end_group(survivor.server.process)


@pytest.mark.slow
def test_every_answered_save_outlives_a_kill_at_any_moment(survivor: Survivor) -> None:
    assert len(survivor.answered) == ROUNDS
    assert all(count >= 1 for count in survivor.answered)
    check_saves(survivor.server, survivor.studies, survivor.saves)


def test_undo_over_http(survivor: Survivor) -> None:
    first, answer = survivor.put("spot_13", annotator="Ann")
    assert answer.status_code == 200, answer.text
    second, answer = survivor.put("spot_13", annotator="Ben")
    assert answer.status_code == 200, answer.text
    assert survivor.label("spot_13") == second != first

    address, query = f"{survivor.url}/datastore/label", {"image": "spot_13", "tag": "final"}
    (version,) = requests.get(f"{address}/history", params=query, timeout=60).json()["versions"]
    assert (version["user"], version["reason"], version["protocol"]) == ("Ann", "replaced", "spots")
    undone = requests.post(f"{address}/restore", params={**query, "version": version["version"]}, timeout=60)
    assert undone.status_code == 200, undone.text
    assert survivor.label("spot_13") == first

    requests.delete(address, params={"id": "spot_13", "tag": "final"}, timeout=60).raise_for_status()
    assert requests.get(address, params={"label": "spot_13", "tag": "final"}, timeout=60).status_code == 404
    versions = requests.get(f"{address}/history", params=query, timeout=60).json()["versions"]
    assert [(v["user"], v["reason"]) for v in versions] == [
        ("Ann", "deleted"),
        ("Ben", "replaced"),
        ("Ann", "replaced"),
    ]
    undone = requests.post(f"{address}/restore", params={**query, "version": versions[0]["version"]}, timeout=60)
    assert undone.json()["info"]["annotator"] == "Ann"
    assert survivor.label("spot_13") == first
    unknown = requests.post(f"{address}/restore", params={**query, "version": "20200101T000000Z-77"}, timeout=60)
    assert unknown.status_code == 404
    assert "no earlier version '20200101T000000Z-77'" in unknown.json()["detail"]


def test_counts_follow_deletion_and_return(survivor: Survivor) -> None:
    for tag in ("final", "draft"):
        survivor.put("spot_13", tag)
    before = survivor.counts()
    assert before["total"] == IMAGES
    requests.delete(f"{survivor.url}/datastore/label?id=spot_13&tag=draft", timeout=60).raise_for_status()
    final = before["label_tags"]["final"]
    assert survivor.counts() == {"total": IMAGES, "completed": final, "label_tags": {"final": final}}
    picture = (survivor.studies / "spot_13.png").read_bytes()
    requests.delete(f"{survivor.url}/datastore/image?id=spot_13", timeout=60).raise_for_status()
    assert survivor.counts() == {"total": IMAGES - 1, "completed": final - 1, "label_tags": {"final": final - 1}}
    sent = {"file": ("spot_13.png", picture)}
    requests.put(f"{survivor.url}/datastore/image", files=sent, timeout=60).raise_for_status()
    assert survivor.counts() == {"total": IMAGES, "completed": final - 1, "label_tags": {"final": final - 1}}
    placed = survivor.studies / "labels" / "final" / "spot_13.mrk.json"
    placed.write_bytes(label_content(survivor.studies, "spot_13"))
    deadline = time.monotonic() + 20
    taken_in = f"{survivor.url}/datastore/"  # one answer alone: between two of them it may be taken in
    while requests.get(taken_in, timeout=60).json()["completed"] != final and time.monotonic() < deadline:
        time.sleep(0.1)
    assert survivor.counts() == {"total": IMAGES, "completed": final, "label_tags": {"final": final}}


def write_at_once(survivor: Survivor, per_writer: int, seconds: float) -> tuple[int, int]:
    """Two clients and two processes write at the same time; returns how many writes were answered and kept."""
    survivor.put("spot_00", first="note")
    label = _one_label(survivor)
    writers = [Writer(survivor.studies, label, per_writer, images) for images in PROCESSES]
    for writer in writers:
        writer.begin(60)
    clients = [Saves(images) for images in CLIENTS]
    savers: list[threading.Thread] = [
        Saver(survivor.server, survivor.studies, client, per_writer // 2) for client in clients
    ]
    notes: dict[str, int] = {}
    noting = [threading.Thread(target=_add_notes, args=(survivor, notes, n, per_writer // 2)) for n in range(2)]
    for thread in (*savers, *noting):
        thread.start()
    for thread in (*savers, *noting):
        thread.join(seconds)
    written = [entry for writer in writers for entry in writer.done(seconds)]
    survivor.put("spot_13")  # with a change of its own the server takes in at once what others changed
    check_saves(survivor.server, survivor.studies, clients)
    objects = requests.get(f"{survivor.url}/datastore/", params={"output": "all"}, timeout=60).json()["objects"]
    shared = objects["spot_00"]["labels"]["final"]["info"]
    assert shared["first"] == "note"
    kept = sum(client.count for client in clients) + sum(shared.get(name) == value for name, value in notes.items())
    kept += sum(shared.get(name) == value for kind, name, value in written if kind == "note")
    last = {image: note for kind, image, note in written if kind == "label"}
    assert {image: objects[image]["labels"]["final"]["info"]["note"] for image in last} == last
    kept += sum(kind == "label" for kind, _, _ in written)
    return len(written) + len(notes) + sum(client.count for client in clients), kept


def _one_label(survivor: Survivor) -> Path:
    path = survivor.studies.parent / "one.mrk.json"
    path.write_bytes(label_content(survivor.studies, "spot_09"))
    return path


def _add_notes(survivor: Survivor, notes: dict[str, int], client: int, count: int) -> None:
    address = f"{survivor.url}/datastore/label/info?label=spot_00&tag=final"
    for i in range(count):
        name = f"client {client} {i}"
        if requests.put(address, data={"info": json.dumps({name: i})}, timeout=60).status_code == 200:
            notes[name] = i


def test_writes_of_server_and_other_processes_are_all_kept(survivor: Survivor) -> None:
    assert write_at_once(survivor, 16, 120) == (64, 64)


@pytest.mark.slow
def test_thirty_kills(tmp_path: Path, protocol_dir: Path) -> None:
    survivor = kill_often(tmp_path, protocol_dir, 30, seed=int(time.time()))
    try:
        print(f"answered between kills: {survivor.answered}")
        assert len(survivor.answered) == 30
    finally:
        end_group(survivor.server.process)


@pytest.mark.slow
def test_five_hundred_writes_at_once(survivor: Survivor) -> None:
    assert write_at_once(survivor, 126, 600) == (504, 504)
