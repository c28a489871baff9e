"""The module at a real server that asks for a token and takes little at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from app_spots import spot_points
from LandmarkDetectionLib.errors import ClientError, Refused, WrongToken
from LandmarkDetectionLib.server.http_client import HttpClient
from panel_driver import Driver
from spot_server import LABELLED, Place, spot_server

pytestmark = pytest.mark.server

TOKEN = "the-token-of-the-eye-clinic"
LIMITS = {"max_body_mb": "1", "infer_slots": "1", "infer_queue": "0", "infer_cache": "0"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with spot_server(tmp_path_factory.mktemp("guarded"), token=TOKEN, **LIMITS) as running:
        yield running


@pytest.mark.slow
def test_a_busy_server_answers_all_in_the_end(guarded: Place) -> None:
    client = HttpClient(guarded.url, TOKEN)
    answers: dict[str, str] = {}

    def ask(image: str) -> None:
        try:
            answers[image] = client.infer("spots", image).document["image"]
        except ClientError as error:
            answers[image] = str(error)

    images = [f"spot_{index:02}" for index in range(LABELLED)]
    threads = [threading.Thread(target=ask, args=(image,)) for image in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert answers == {image: image for image in images}
    assert "is answered with 429" in guarded.server.log(), "nobody had to wait, so this says nothing"


def test_an_image_that_is_too_large_is_refused_in_the_servers_words(guarded: Place, tmp_path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(b"\x89PNG" + bytes(20_000_000))
    with pytest.raises(Refused, match="holds more than the 1 MB that this server accepts") as caught:
        HttpClient(guarded.url, TOKEN).upload_image(path)
    assert caught.value.status == 413


def test_a_person_without_the_token_is_told_and_enters_it(make_panel: Callable[..., Driver], guarded: Place) -> None:
    driver = make_panel()
    driver.connect(guarded.url)
    assert driver.message.startswith(f"{guarded.url} wants an access token: enter the one that its administrator gave")
    assert "asks for a token" in driver.message
    assert driver.ui.statusLabel.text == "Not connected"
    driver.connect(guarded.url, "another-token-of-another-clinic")
    assert f"{guarded.url} does not accept the access token" in driver.message
    assert "is not the server's" in driver.message
    driver.connect(guarded.url, TOKEN)
    assert driver.message == f"Connected to {guarded.url}."
    assert "b_photo" in driver.images
    with pytest.raises(WrongToken):
        HttpClient(guarded.url).info()


def test_an_earlier_version_comes_back_from_the_server(make_panel: Callable[..., Driver], guarded: Place) -> None:
    driver = make_panel()
    driver.ui.annotatorEdit.setText("Grace")
    driver.connect(guarded.url, TOKEN)
    driver.open("spot_01")
    (bright, dim), target = spot_points(1), (20.0, 20.0)
    np.testing.assert_allclose(driver.pixels(), [bright, dim], atol=1e-3)
    for points in ((target, dim), (bright, (60.0, 30.0))):
        for index, pixel in enumerate(points):
            driver.drag(index, tuple(pixel))
        driver.answers = ["submit"]
        driver.submit()
    offered = []

    def choose(image, versions):
        offered.extend(versions)
        return versions[0]

    driver.panel.versions.choose = choose
    driver.do("versions")
    assert [(v.tag, v.reason, v.user) for v in offered] == [("final", "replaced", "Grace"), ("final", "replaced", "")]
    np.testing.assert_allclose(driver.pixels(), [target, dim], atol=0.3)
    assert not driver.work.dirty
    assert driver.message.startswith("The label of spot_01 is that of ")
    label = guarded.studies / "labels" / "final" / "spot_01.mrk.json"
    assert len(HttpClient(guarded.url, TOKEN).label_versions("spot_01", "final")) == 3
    assert HttpClient(guarded.url, TOKEN).download_label("spot_01", "final") == label.read_bytes()
