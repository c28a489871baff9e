"""A study that others label, too, and images of two servers that have the same name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from folder_client import PHOTO, PIXELS, FolderClient
from LandmarkDetectionLib.errors import Unreachable
from LandmarkDetectionLib.server.geometry import Calibration
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.label_document import label_bytes
from panel_driver import Driver
from PySide6 import QtWidgets
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


def test_a_server_is_asked_nothing_about_an_image_that_came_from_another(
    driver: Driver, client: FolderClient, other: FolderClient
) -> None:
    other.stated["one"] = [Calibration("one", "mm", (0.5, 0.5), "stated")]
    driver.open("one")
    driver.connect(OTHER)
    driver.host.step(100)
    words = f"one came from {client.url}: connect to that server again, or open the image from {OTHER}."
    assert (driver.work.geometry.unit, driver.ui.detectButton.enabled) == ("px", False)
    assert driver.ui.detectButton.toolTip == words
    assert driver.ui.calibrationSection.findChild(QtWidgets.QLabel, "calibrationLabel").text == words
    assert not driver.ui.calibrationSection.findChild(QtWidgets.QPushButton, "undoCalibrationButton").enabled
    driver.do("versions")
    assert driver.message == words
    assert set(other.calls) == {"info", "images"}
    driver.open("one")
    driver.host.wait(lambda: driver.work.geometry.unit == "mm", 20, "the size of the other server's image")


def test_drafts_and_labels_that_are_given_up_are_those_of_their_own_server(
    driver: Driver, client: FolderClient, other: FolderClient
) -> None:
    driver.connect(OTHER)
    driver.do("nextSample")
    driver.do("detect")
    driver.drag(2, (40.0, 44.0))
    label_of_a_colleague(other, "one")
    driver.submit()
    driver.connect(client.url)
    driver.do("draft")
    assert driver.questions[-1].sentence == (
        f"one came from {OTHER}: connect to that server again, or open the image from {client.url}."
    )
    assert (driver.questions[-1].choices, client.labels) == (("stay", "save_draft"), {})
    driver.answers = ["keep"]
    driver.open("one")
    assert (driver.questions[-1].choices, client.labels) == (("keep", "discard", "stay"), {})
    driver.do("detect")
    driver.drag(2, (51.0, 48.0))
    driver.connect(OTHER)
    driver.answers = ["discard"]
    driver.do("sendAgain")
    assert driver.bench.session.unsent == ()
    assert (driver.work.server, driver.rows[2][1]) == (client.url, "corrected")


def test_a_server_that_refuses_to_be_connected_again_is_not_connected_by_its_training(
    driver: Driver, client: FolderClient
) -> None:
    client.document["train_stats"]["head"] = {"status": "running", "epoch": 1, "max_epochs": 10}
    driver.connect(client.url)
    client.failure = Unreachable("Gone.")
    driver.do("connect")
    driver.host.step(1000)
    assert (driver.bench.session.connected, driver.ui.statusLabel.text) == (False, "Not connected")


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


@pytest.mark.parametrize(("states", "one"), [(("a", "a"), True), (("a", "b"), False), (("", ""), False)])
def test_two_addresses_are_one_server_where_it_says_so(desk: Desk, states: tuple[str, str], one: bool) -> None:
    session, first = desk.session, desk.client
    first.document["instance"] = states[0]
    session.connect(first.url, jobs.refresh(first))
    desk.open("two").point_placed(0, lps(5.0, 5.0))
    session.keep_unsent()
    session.close_image()
    desk.open("one").point_placed(0, lps(7.0, 7.0))
    first.document["instance"] = states[1]
    session.connect(OTHER, jobs.refresh(first))
    assert [session.origin_problem() == "", session.why_not_detect() == ""] == [one, one]
    assert (session.question_before_submitting().details[-1].startswith("The image came from")) is not one
    assert [item.image for item in session.sendable] == ["two"] * one
    session.connect(first.url, jobs.refresh(first))
    assert (session.origin_problem(), [item.image for item in session.sendable]) == ("", ["two"])


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
