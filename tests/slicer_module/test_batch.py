"""Detecting all unlabelled images from the panel: proposals, never labels; progress, stop, and what failed."""

from __future__ import annotations

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


def detect_all(connected: Driver) -> None:
    connected.click("detectAll")
    connected.host.wait(lambda: not connected.bench.background.running("batch"), 30)


def kept(client: ManyClient, tag: str) -> list[str]:
    return [name for name, kind in client.labels if kind == tag]


def test_every_unlabelled_image_gets_a_proposal_and_labels_stay(connected: Driver, client: ManyClient) -> None:
    connected.open("one")
    connected.do("detect")
    connected.drag(2, (51.0, 48.0))
    connected.do("draft")
    connected.open("two")
    connected.do("detect")
    connected.submit()
    before = dict(client.labels)
    client.asked.clear()
    detect_all(connected)
    assert client.asked == ["three", "four", "five"], "neither a draft nor a final label is asked about"
    assert kept(client, "original") == ["three", "four", "five"]
    assert {key: label for key, label in client.labels.items() if key[1] != "original"} == before
    assert connected.message == "3 images have a proposal now; open one to correct it."
    connected.open("four")
    assert [row[1] for row in connected.rows] == ["predicted"] * 7
    assert connected.pixels() == [pytest.approx(pixel, abs=1e-3) for pixel in PIXELS]
    assert not connected.work.dirty


def test_what_this_network_has_seen_is_not_asked_again(connected: Driver, client: ManyClient) -> None:
    detect_all(connected)
    client.asked.clear()
    connected.click("detectAll")
    assert connected.message == "Every unlabelled image has its proposal of network v1 already."
    client.version = "v2"
    client.document["models"]["head"]["model_version"] = "v2"
    connected.do("refresh")
    detect_all(connected)
    assert client.asked == list(client.entries)


def test_progress_is_shown_and_stopping_keeps_what_there_is(connected: Driver, client: ManyClient) -> None:
    connected.open("one")
    infer, held = client.infer, []

    def slow(task: str, image: str, keep: bool = False) -> Answer:
        if image == "three" and not held:
            held.append(image)
            client.gate.clear()
        return infer(task, image, keep)

    client.infer = slow  # type: ignore[method-assign]
    connected.click("detectAll")
    connected.host.wait(lambda: bool(held), 20)
    connected.host.step(50)
    assert (connected.ui.detectAllBar.value, connected.ui.detectAllBar.maximum) == (2, 5)
    assert connected.ui.detectAllBar.visible
    assert not connected.ui.detectAllButton.visible
    assert connected.ui.submitButton.enabled, "the person goes on"
    assert not connected.ui.busyBar.visible
    connected.click("detectAllStop")
    connected.host.wait(lambda: not connected.panel.batch.running, 20)
    client.gate.set()
    connected.host.wait(lambda: not connected.bench.background.running("batch"), 20)
    assert kept(client, "original") == ["one", "two"]
    assert connected.message == "Stopped: 2 of 5 images have a proposal now."
    assert connected.ui.detectAllButton.visible
    assert not connected.ui.detectAllBar.visible


def test_an_image_that_cannot_be_read_stops_nothing(connected: Driver, client: ManyClient) -> None:
    client.broken["two"] = Refused("two.png is no image.", 422)
    detect_all(connected)
    assert kept(client, "original") == ["one", "three", "four", "five"]
    assert connected.message == "4 of 5 images have a proposal now; the others failed: two.png is no image."


def test_a_server_that_is_gone_ends_it(connected: Driver, client: ManyClient) -> None:
    client.broken["two"] = Unreachable("Nothing answers.")
    detect_all(connected)
    assert client.asked == ["one", "two"]
    assert connected.message == "1 of 5 images have a proposal now; the others failed: Nothing answers."
