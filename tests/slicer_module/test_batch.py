"""Detecting all unlabelled images from the panel: proposals, never labels; progress, stop, and what failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from folder_client import PIXELS, FolderClient
from LandmarkDetectionLib.errors import Refused, Unreachable
from LandmarkDetectionLib.server.images import ImageEntry
from LandmarkDetectionLib.server.prediction import Answer
from panel_driver import Driver


class ManyClient(FolderClient):
    """Five images; some cannot be detected.

    Attributes:
        broken: what is raised by image.
    """

    def __init__(self) -> None:
        super().__init__()
        names = ("one", "two", "three", "four", "five")
        self.entries = {name: ImageEntry(name, file_name=f"{name}.png") for name in names}
        self.broken: dict[str, Exception] = {}
        self.asked: list[str] = []

    def infer(self, task: str, image: str, keep: bool = False) -> Answer:
        self.asked.append(image)
        if image in self.broken:
            raise self.broken[image]
        return super().infer(task, image, keep)


@pytest.fixture
def client() -> ManyClient:
    return ManyClient()


@pytest.fixture
def panel(make_panel: Callable[..., Driver], client: ManyClient) -> Driver:
    driver = make_panel(lambda _address, _token: client)
    driver.connect("http://stand-in")
    return driver


def detect_all(panel: Driver) -> None:
    panel.click("detectAll")
    panel.host.wait(lambda: not panel.bench.background.running("batch"), 30)


def kept(client: ManyClient, tag: str) -> list[str]:
    return [name for name, kind in client.labels if kind == tag]


def test_every_unlabelled_image_gets_a_proposal_and_labels_stay(panel: Driver, client: ManyClient) -> None:
    panel.open("one")
    panel.do("detect")
    panel.drag(2, (51.0, 48.0))
    panel.do("draft")
    panel.open("two")
    panel.do("detect")
    panel.submit()
    before = dict(client.labels)
    client.asked.clear()
    detect_all(panel)
    assert client.asked == ["three", "four", "five"], "neither a draft nor a final label is asked about"
    assert kept(client, "original") == ["three", "four", "five"]
    assert {key: label for key, label in client.labels.items() if key[1] != "original"} == before
    assert panel.message == "3 images have a proposal now; open one to correct it."
    panel.open("four")
    assert [row[1] for row in panel.rows] == ["predicted"] * 7
    assert panel.pixels() == [pytest.approx(pixel, abs=1e-3) for pixel in PIXELS]
    assert not panel.work.dirty


def test_what_this_network_has_seen_is_not_asked_again(panel: Driver, client: ManyClient) -> None:
    detect_all(panel)
    client.asked.clear()
    panel.click("detectAll")
    assert panel.message == "Every unlabelled image has its proposal of network v1 already."
    client.version = "v2"
    client.document["models"]["head"]["model_version"] = "v2"
    panel.do("refresh")
    detect_all(panel)
    assert client.asked == list(client.entries)


def test_progress_is_shown_and_stopping_keeps_what_there_is(panel: Driver, client: ManyClient) -> None:
    panel.open("one")
    infer, held = client.infer, []

    def slow(task: str, image: str, keep: bool = False) -> Answer:
        if image == "three" and not held:
            held.append(image)
            client.gate.clear()
        return infer(task, image, keep)

    client.infer = slow  # type: ignore[method-assign]
    panel.click("detectAll")
    panel.host.wait(lambda: bool(held), 20)
    panel.host.step(50)
    assert (panel.ui.detectAllBar.value, panel.ui.detectAllBar.maximum) == (2, 5)
    assert panel.ui.detectAllBar.visible
    assert not panel.ui.detectAllButton.visible
    assert panel.ui.submitButton.enabled, "the person goes on"
    assert not panel.ui.busyBar.visible
    panel.click("detectAllStop")
    panel.host.wait(lambda: not panel.panel.batch.running, 20)
    client.gate.set()
    panel.host.wait(lambda: not panel.bench.background.running("batch"), 20)
    assert kept(client, "original") == ["one", "two"]
    assert panel.message == "Stopped: 2 of 5 images have a proposal now."
    assert panel.ui.detectAllButton.visible
    assert not panel.ui.detectAllBar.visible


def test_an_image_that_cannot_be_read_stops_nothing(panel: Driver, client: ManyClient) -> None:
    client.broken["two"] = Refused("two.png is no image.", 422)
    detect_all(panel)
    assert kept(client, "original") == ["one", "three", "four", "five"]
    assert panel.message == "4 of 5 images have a proposal now; the others failed: two.png is no image."


def test_a_server_that_is_gone_ends_it(panel: Driver, client: ManyClient) -> None:
    client.broken["two"] = Unreachable("Nothing answers.")
    detect_all(panel)
    assert client.asked == ["one", "two"]
    assert panel.message == "1 of 5 images have a proposal now; the others failed: Nothing answers."
