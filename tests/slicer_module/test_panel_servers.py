"""A study that others label, too, and images of two servers that have the same name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from folder_client import PHOTO, PIXELS, FolderClient
from LandmarkDetectionLib.errors import Unreachable
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.label_document import label_bytes
from panel_driver import Driver
from session_desk import Desk
from session_parts import StandInClient, lps

OTHER = "http://other-study"


@pytest.fixture
def other() -> FolderClient:
    client = FolderClient()
    client.url = OTHER
    return client


@pytest.fixture
def driver(make_panel: Callable[..., Driver], client: FolderClient, other: FolderClient) -> Driver:
    """Connected to the first of two servers."""
    driver = make_panel(lambda address, _token: other if address == OTHER else client)
    driver.connect(client.url)
    return driver


def label_of_a_colleague(client: FolderClient, image: str) -> None:
    states = client._states(client.infer("head", image).document)
    client.save_label(image, label_bytes(states, PHOTO), {"protocol": "head", "annotator": "Grace"})


def test_a_label_that_came_after_the_list_opens_with_its_image(driver: Driver, client: FolderClient) -> None:
    label_of_a_colleague(client, "two")
    assert driver.images["two"] == "unlabelled"
    driver.open("two")
    assert (driver.work.saved_tag, driver.images["two"]) == ("final", "final")
    assert driver.pixels() == [pytest.approx(pixel, abs=1e-3) for pixel in PIXELS]


def test_an_image_that_comes_after_another_server_was_connected_to_is_not_opened(
    driver: Driver, client: FolderClient
) -> None:
    client.gate.clear()
    driver.click("nextSample")
    driver.ui.serverCombo.setEditText(OTHER)
    driver.click("connect")
    driver.host.wait(lambda: driver.bench.session.server == OTHER, 20, "the other server")
    client.gate.set()
    driver.idle()
    driver.host.step(200)
    assert driver.work is None
    driver.do("nextSample")
    assert driver.work.server == driver.bench.client.url == OTHER


def test_the_former_server_stays_until_the_other_one_answers(
    driver: Driver, client: FolderClient, other: FolderClient
) -> None:
    driver.do("nextSample")
    other.gate.clear()
    driver.ui.serverCombo.setEditText(OTHER)
    driver.click("connect")
    assert driver.bench.client is client
    driver.do("cancel")
    assert (driver.message, driver.bench.client, driver.bench.session.server) == ("Cancelled.", client, client.url)


def test_a_batch_of_the_former_server_ends_with_it(driver: Driver, client: FolderClient, other: FolderClient) -> None:
    client.gate.clear()
    driver.click("detectAll")
    assert driver.panel.batch.running
    driver.connect(OTHER)
    assert not driver.panel.batch.running
    assert driver.ui.detectAllButton.visible
    client.gate.set()
    driver.host.step(200)
    assert driver.bench.session.server == OTHER
    assert client.calls.count("infer") == 1
    driver.do("detectAll")
    driver.host.wait(lambda: not driver.panel.batch.running, 20, "the batch")
    assert other.calls.count("infer") == 3


def test_unsent_work_goes_to_its_own_server_alone(driver: Driver, client: FolderClient, other: FolderClient) -> None:
    driver.do("nextSample")
    driver.do("detect")
    driver.drag(2, (51.0, 48.0))
    driver.answers = ["keep"]
    driver.open("two")
    assert driver.ui.unsentLabel.text == "Not on the server yet: one"
    driver.connect(OTHER)
    assert driver.message == f"Connected to {OTHER}."
    assert not driver.ui.sendAgainButton.enabled
    assert driver.ui.sendAgainButton.toolTip == "Connect to http://stand-in to send what came from there"
    driver.open("one")
    assert driver.work.empty
    driver.connect(client.url)
    driver.do("sendAgain")
    assert (list(client.labels), list(other.labels)) == ([("one", "draft")], [])


def test_work_of_one_server_is_not_opened_at_another(desk: Desk) -> None:
    desk.open("one").point_placed(0, lps(7.0, 7.0))
    desk.client.failure = Unreachable("Gone.")
    assert desk.send()
    session, first = desk.session, desk.client
    session.close_image()
    desk.client = StandInClient()
    desk.client.url = OTHER
    session.connect(OTHER, jobs.refresh(desk.client))
    assert ([item.image for item in session.unsent], session.sendable) == (["one"], ())
    work = desk.open("one")
    assert work.empty
    work.point_placed(1, lps(2.0, 2.0))
    session.keep_unsent()
    assert [(item.image, item.record.server) for item in session.unsent] == [("one", first.url), ("one", OTHER)]
    session.close_image()
    session.connect(first.url, jobs.refresh(first))
    desk.client = first
    assert desk.open("one")[0].position == lps(7.0, 7.0)
    assert [item.record.server for item in session.sendable] == [first.url]


def test_the_scene_remembers_where_its_work_came_from(desk: Desk) -> None:
    desk.open("one").point_placed(0, lps(7.0, 7.0))
    desk.session.connect(OTHER, jobs.refresh(desk.client))
    fresh = Desk()
    fresh.session.server = OTHER
    fresh.session.restore(desk.session.to_json())
    assert fresh.session.work.server == "http://stand-in"


def test_a_label_stored_after_another_server_was_connected_to_is_no_label_there(desk: Desk) -> None:
    desk.open("one").point_placed(0, lps(7.0, 7.0))
    sent = jobs.send(desk.client, desk.session.submission())
    desk.session.connect(OTHER, jobs.refresh(StandInClient()))
    desk.session.sent(sent)
    assert desk.session.images.get("one").labels == {}
    assert not desk.session.work.dirty
