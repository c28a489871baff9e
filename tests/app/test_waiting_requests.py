"""Requests that wait for a prediction, over real connections: their turn, their end, and all others meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from app_requests import assert_refused, publish_random
from app_slow_disk import SlowDisk
from app_spots import spot_points, write_label
from fastapi import FastAPI

from lib.routes import install_routes

SECONDS = 30


class Web:
    """The app's routes on a port of this machine."""

    def __init__(self, app: Any) -> None:
        self.app = app
        web = FastAPI()
        install_routes(web, app.service, app)
        self._server = uvicorn.Server(uvicorn.Config(web, host="127.0.0.1", port=0, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._pool = ThreadPoolExecutor(60)
        self._thread.start()
        wait_until(lambda: self._server.started)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def infer(self, image: str) -> Future[requests.Response]:
        url = f"{self.url}/infer/spots?image={image}&output=json"
        return self._pool.submit(requests.post, url, timeout=SECONDS)

    def health(self) -> dict[str, Any]:
        return dict(requests.get(f"{self.url}/health", timeout=SECONDS).json())

    def wait_for(self, running: int, waiting: int) -> None:
        wait_until(lambda: self.busy() == (running, waiting), self.busy)

    def busy(self) -> tuple[int, int]:
        inference = self.health()["inference"]
        return inference["running"], inference["waiting"]

    def end(self) -> None:
        self._server.should_exit = True
        self._thread.join(SECONDS)
        self._pool.shutdown()


def wait_until(condition: Callable[[], bool], seen: Callable[[], object] = lambda: "nothing") -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"Still {seen()}."
        time.sleep(0.01)


@pytest.fixture
def serve(make_app: Any, make_studies: Callable[[int], Path]) -> Callable[..., Any]:
    """Serves images spot_00, ... with a published network on a slow disk."""

    @contextmanager
    def start(images: int = 5, **conf: str) -> Iterator[tuple[Web, SlowDisk]]:
        app = make_app(make_studies(images), **conf)
        publish_random(app)
        disk = SlowDisk(app.settings.model_root / "spots" / "v1.safetensors")
        web = Web(app)
        try:
            yield web, disk
        finally:
            if web.busy() != (0, 0):
                disk.answer()
            web.end()

    return start


def test_all_else_is_answered_while_predictions_wait(serve: Any, tmp_path: Path) -> None:
    with serve(44, infer_slots="1", infer_queue="60") as (web, disk):
        folder = web.app.datastore().folder
        label = write_label(tmp_path / "l.mrk.json", folder / "spot_00.png", spot_points(0)).read_bytes()
        answers = [web.infer(f"spot_{i:02}") for i in range(44)]  # more than there are threads for other requests
        web.wait_for(1, 43)
        assert requests.get(f"{web.url}/info/", timeout=SECONDS).json()["models"].keys() == {"spots"}
        saved = requests.put(f"{web.url}/datastore/label?image=spot_00", files={"label": label}, timeout=SECONDS)
        assert saved.status_code == 200, saved.text
        assert (folder / "labels" / "final" / "spot_00.mrk.json").read_bytes() == label
        assert requests.get(f"{web.url}/datastore/images", timeout=SECONDS).json()["states"]["final"] == 1
        assert web.health()["status"] == "ok"
        assert not any(answer.done() for answer in answers)
        disk.answer()
        for i, answer in enumerate(answers):
            assert answer.result(SECONDS).json()["image"] == f"spot_{i:02}"
        assert web.busy() == (0, 0)


def test_beyond_the_queue_a_request_is_told_when_to_come_again(serve: Any) -> None:
    with serve(infer_slots="1", infer_queue="2") as (web, disk):
        first = web.infer("spot_00")
        web.wait_for(1, 0)
        others = [web.infer(image) for image in ("spot_01", "spot_02")]
        web.wait_for(1, 2)
        refused = web.infer("spot_03").result(SECONDS)
        assert_refused(refused, 429, "makes 1 predictions at once and lets 2 wait")
        assert refused.headers["retry-after"] == "3"
        equal = web.app.service.ask("spots", "spot_01")  # needs no place of its own
        disk.answer()
        assert [answer.result(SECONDS).status_code for answer in (first, *others)] == [200] * 3
        assert equal.result(SECONDS).document == others[0].result().json()
        assert web.infer("spot_03").result(SECONDS).status_code == 200


@pytest.mark.slow
def test_a_request_without_an_answer_in_time_is_told_so_and_frees_its_place(serve: Any) -> None:
    with serve(infer_slots="1", infer_queue="2", infer_timeout="2") as (web, disk):
        answers = [web.infer(image) for image in ("spot_00", "spot_01", "spot_02")]
        for answer in answers:
            assert_refused(answer.result(SECONDS), 503, "no prediction within 2 seconds")
            assert answer.result().headers["retry-after"] == "1"
        # The disk still does not answer: that prediction keeps its place, and whoever watches the server is told.
        wait_until(lambda: web.health()["status"] == "degraded")
        assert web.health()["inference"] == {"running": 1, "waiting": 0, "slots": 1, "queue": 2, "stuck": 1}
        disk.answer()
        web.wait_for(0, 0)
        assert web.health()["status"] == "ok"
        assert web.infer("spot_03").result(SECONDS).status_code == 200


def test_a_client_that_goes_away_leaves_the_queue(serve: Any) -> None:
    with serve(infer_slots="1", infer_queue="1") as (web, disk):
        first = web.infer("spot_00")
        web.wait_for(1, 0)
        with socket.create_connection(("127.0.0.1", web.port), timeout=SECONDS) as gone:
            gone.sendall(b"POST /infer/spots?image=spot_01 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
            web.wait_for(1, 1)
        web.wait_for(1, 0)
        second = web.infer("spot_02")  # the queue of one has room again
        web.wait_for(1, 1)
        disk.answer()
        assert [first.result(SECONDS).status_code, second.result(SECONDS).status_code] == [200, 200]
        assert web.busy() == (0, 0)


def test_health_tells_of_the_server_and_of_no_patient(serve: Any) -> None:
    with serve(infer_slots="1") as (web, _):
        health = web.health()
        assert health.keys() == {"status", "version", "uptime", "inference", "training"}
        assert (health["status"], health["training"]) == ("ok", False)
        assert health["uptime"] >= 0
        assert health["inference"] == {"running": 0, "waiting": 0, "slots": 1, "queue": 16, "stuck": 0}


def test_health_needs_no_token(serve: Any) -> None:
    with serve(token="0123456789abcdef") as (web, _):
        assert web.health()["status"] == "ok"
        assert requests.get(f"{web.url}/info/", timeout=SECONDS).status_code == 401
