"""A server that fails in the middle of the work: one sentence each, nothing is lost, the panel stays alive."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from app_spots import spot_points
from panel_driver import Driver
from PySide6 import QtCore
from spot_server import Place, Proxy, Ticks, spot_server

pytestmark = pytest.mark.server

#: How long the event loop may stand still, in seconds, on a machine that does other things too.
LONGEST_PAUSE = 0.5
SLOW_SECONDS = 5.0
#: A labelled image; its points go close to where they belong, so that the server's other users are not disturbed.
PHOTO = "spot_00"
_shifts = itertools.count(1)


@pytest.fixture
def proxy(place: Place) -> Iterator[Proxy]:
    with Proxy(place.url) as running:
        yield running


@pytest.fixture
def driver(make_panel: Callable[..., Driver], proxy: Proxy) -> Driver:
    """Connected through the proxy, an image open, and both points placed by a person where no label has them."""
    made = make_panel()
    made.connect(proxy.url)
    made.open(PHOTO)
    (x, y), dim = spot_points(0)
    made.placed = [(x + 0.5 * next(_shifts), y), tuple(dim)]
    for row, pixel in enumerate(made.placed):
        made.choose(row)
        made.bench.scene.fit_image()
        if made.bench.scene.placing is None:
            made.click("place")
        made.click_view(*pixel)
    check_kept(made)
    return made


def check_kept(driver: Driver) -> None:
    np.testing.assert_allclose(driver.pixels(), driver.placed, atol=0.3)
    assert driver.work.dirty


def check_sentence(driver: Driver, *words: str) -> None:
    message = driver.message
    assert message.endswith(".")
    assert "\n" not in message
    assert "Traceback" not in message
    for word in words:
        assert word in message, message


def test_error_500(driver: Driver, proxy: Proxy) -> None:
    proxy.spoil = lambda method, path, _: (500, b"Internal Server Error") if method in ("PUT", "POST") else None
    driver.do("detect")
    check_sentence(driver, "server", "log")
    driver.submit()
    check_sentence(driver, f"{PHOTO} was not sent, and its points are kept")
    check_kept(driver)
    assert driver.ui.unsentLabel.text == f"Not on the server yet: {PHOTO}"
    proxy.spoil = lambda *_: None
    driver.do("retry")
    assert driver.message == f"{PHOTO} is submitted."
    assert not driver.work.dirty
    assert not driver.ui.unsentFrame.visible


@pytest.mark.slow
def test_a_slow_server_leaves_the_window_alive(driver: Driver, proxy: Proxy) -> None:
    def slow(_method: str, path: str, _headers: dict[str, str]) -> None:
        if path.startswith("/infer"):
            proxy.wait(SLOW_SECONDS)

    proxy.spoil = slow
    ticks = Ticks(QtCore.QTimer)
    driver.do("detect")
    ticks.stop()
    print(f"event loop: {ticks.count} ticks, longest pause {1000 * ticks.longest:.0f} ms")
    assert ticks.count > 100
    assert ticks.longest < LONGEST_PAUSE
    assert "found" in driver.message
    check_kept(driver)


def test_a_wrong_token(driver: Driver, proxy: Proxy) -> None:
    def guard(_method: str, _path: str, headers: dict[str, str]) -> tuple[int, bytes] | None:
        return None if headers.get("authorization") == "Bearer right" else (401, b'{"detail": "Unauthorized"}')

    proxy.spoil = guard
    driver.submit()
    check_sentence(driver, "token")
    check_kept(driver)
    driver.connect(proxy.url, token="wrong")
    check_sentence(driver, "token")
    assert driver.ui.statusLabel.text == "Not connected"
    check_kept(driver)
    driver.connect(proxy.url, token="right")
    assert driver.message == "Connected; there is work that the server does not have: press Send Again."
    driver.do("sendAgain")
    assert driver.message == f"{PHOTO} is submitted."


def test_a_server_with_an_older_protocol(driver: Driver, proxy: Proxy) -> None:
    def older(path: str, body: bytes) -> bytes:
        if not path.startswith("/info"):
            return body
        info = json.loads(body)
        protocol = info["protocols"]["spots"]
        protocol["landmarks"], protocol["measurements"] = protocol["landmarks"][:1], []
        return json.dumps(info).encode()

    proxy.rewrite = older
    driver.submit()
    check_sentence(driver, "differs from the open one", "lacks dim", "your points stay in the scene")
    check_kept(driver)
    assert len(driver.rows) == 2
    driver.connect(proxy.url)
    check_sentence(driver, "lacks dim")
    assert not driver.ui.detectButton.enabled
    check_kept(driver)
    proxy.rewrite = lambda _path, body: body
    driver.connect(proxy.url)
    driver.submit()
    assert driver.message == f"{PHOTO} is submitted."


def test_a_connection_that_breaks(driver: Driver, proxy: Proxy) -> None:
    proxy.spoil = lambda *_: (0, b"")
    driver.submit()
    check_sentence(driver, "was not sent, and its points are kept")
    driver.do("detect")
    check_sentence(driver)
    assert "does not answer" in driver.ui.statusLabel.text
    check_kept(driver)


def test_a_label_that_another_program_saved_meanwhile_is_asked_about(driver: Driver, place: Place) -> None:
    other = json.loads(place.client.download_label(PHOTO, "final"))
    other["markups"][0]["controlPoints"][0]["position"][0] += 3.0
    place.client.save_label(PHOTO, json.dumps(other).encode(), {"protocol": "spots", "annotator": "Grace"})
    driver.submit()
    (question,) = driver.questions
    assert question.sentence.startswith(f"Grace submitted {PHOTO} after you opened it (20")
    assert json.loads(place.client.download_label(PHOTO, "final"))["markups"] == other["markups"]
    check_kept(driver)
    driver.answers = ["replace"]
    driver.do("sendAgain")
    assert driver.message == f"{PHOTO} is submitted."
    assert place.client.label_versions(PHOTO, "final")[0].user == "Grace"
    driver.submit()  # one's own label is no conflict
    assert (driver.message, len(driver.questions)) == (f"{PHOTO} is submitted.", 2)


@pytest.mark.slow
def test_the_server_is_killed_while_it_predicts(make_panel: Callable[..., Driver], tmp_path: Path) -> None:
    with spot_server(tmp_path / "killed") as place, Proxy(place.url) as proxy:
        driver = make_panel()
        driver.connect(proxy.url)
        driver.open(PHOTO)
        driver.choose(1)
        driver.bench.scene.fit_image()
        driver.drag(1, (40.0, 32.0))
        before = driver.rows, driver.pixels()
        os.killpg(place.server.process.pid, signal.SIGSTOP)
        driver.click("detect")
        driver.host.step(300)
        assert driver.bench.background.running("detect")
        os.killpg(place.server.process.pid, signal.SIGKILL)
        driver.idle()
        check_sentence(driver)
        assert (driver.rows, driver.pixels()) == before
        driver.submit()
        check_sentence(driver, "was not sent, and its points are kept")
        assert (driver.rows, driver.pixels()) == before
        assert driver.ui.unsentLabel.text == f"Not on the server yet: {PHOTO}"


def test_a_script_detects_without_the_panel(make_panel: Callable[..., Driver], place: Place) -> None:
    driver = make_panel()
    node = driver.host.module.LandmarkDetectionLogic().detect(place.url, "spots", PHOTO)
    assert [node.GetNthControlPointLabel(i) for i in range(node.GetNumberOfControlPoints())] == ["bright", "dim"]
    said = requests.post(f"{place.url}/infer/spots?image={PHOTO}&output=json", timeout=60).json()
    left, posterior, superior = said["landmarks"][1]["position"]
    np.testing.assert_allclose(node.GetNthControlPointPosition(1), (-left, -posterior, superior), atol=1e-4)
