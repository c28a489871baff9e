"""While a request goes on: the panel stays alive, can be cancelled or closed, and drops what came too late."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from folder_client import PIXELS, FolderClient
from panel_driver import Driver
from PySide6 import QtCore
from scene_fixture import slicer
from spot_server import Ticks


def test_the_button_says_what_runs_and_cancel_ends_it(panel: Driver, client: FolderClient) -> None:
    client.gate.clear()
    panel.click("detect")
    assert panel.ui.detectButton.text == "Detecting..."
    assert not panel.ui.detectButton.enabled
    assert panel.message == "Auto-detecting one..."
    assert panel.ui.busyBar.visible
    panel.do("cancel")
    assert panel.message == "Cancelled."
    assert panel.ui.detectButton.text == "&Auto-detect"
    assert [row[1] for row in panel.rows] == ["unlabelled"] * 7


def test_work_goes_on_while_a_prediction_is_awaited(panel: Driver, client: FolderClient) -> None:
    client.gate.clear()
    ticks = Ticks(QtCore.QTimer)
    panel.click("detect")
    panel.choose(2)
    panel.bench.scene.fit_image()
    panel.click("place")
    panel.click_view(60.0, 50.0)
    panel.click("place")
    assert panel.rows[2][1] == "placed"
    panel.host.step(150)
    client.gate.set()
    panel.idle()
    ticks.stop()
    assert ticks.count > 10
    assert panel.pixels()[2] == pytest.approx((60.0, 50.0), abs=0.3), "a person's point stays"
    assert panel.rows[2][1] == "corrected"
    assert panel.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)


def test_a_prediction_for_an_image_that_was_left_is_dropped(panel: Driver, client: FolderClient) -> None:
    client.gate.clear()
    panel.click("detect")
    panel.bench.background.drop("open")
    client.gate.set()
    # The scene is closed before the answer is delivered.
    panel.host.scene.Clear(False)
    panel.host.step(100)
    assert panel.work is None
    assert not panel.bench.background.running()
    panel.do("nextSample")
    assert [row[1] for row in panel.rows] == ["unlabelled"] * 7


def test_changes_made_while_the_next_image_is_fetched_are_kept(panel: Driver, client: FolderClient) -> None:
    panel.do("detect")
    client.gate.clear()
    table = panel.ui.imageTable
    table.cellDoubleClicked.emit(_select(panel, "two"), 0)
    panel.drag(2, (51.0, 48.0))
    client.gate.set()
    panel.idle()
    assert panel.work.image == "two"
    assert panel.ui.unsentLabel.text == "Not on the server yet: one"
    panel.open("one")
    assert panel.pixels()[2] == pytest.approx((51.0, 48.0), abs=0.3)


@pytest.fixture
def waiting(connect: Callable[..., Driver], client: FolderClient) -> Driver:
    """A server of two protocols that answers no more, and an image of the first one with a change."""
    client.document["protocols"]["foot"] = {**client.document["protocols"]["head"], "name": "foot", "title": "Foot"}
    panel = connect(client)
    panel.do("nextSample")
    panel.do("detect")
    panel.drag(2, (51.0, 48.0))
    client.gate.clear()
    return panel


def choose_protocol(panel: Driver, place: int) -> None:
    panel.ui.protocolCombo.setCurrentIndex(place)
    panel.ui.protocolCombo.activated.emit(place)


def test_changes_made_while_a_draft_is_sent_are_kept_when_the_protocol_changes(
    waiting: Driver, client: FolderClient
) -> None:
    panel = waiting
    panel.answers = ["save_draft"]
    choose_protocol(panel, 1)
    panel.drag(2, (40.0, 30.0))
    client.gate.set()
    panel.idle()
    assert panel.bench.session.task.name == "foot"
    assert ("one", "draft") in client.labels
    assert panel.ui.unsentLabel.text == "Not on the server yet: one"
    choose_protocol(panel, 0)
    panel.idle()
    assert panel.pixels()[2] == pytest.approx((40.0, 30.0), abs=0.3)


def test_a_protocol_is_not_left_while_a_label_is_on_its_way(waiting: Driver, client: FolderClient) -> None:
    panel = waiting
    panel.click("draft")
    panel.answers = ["save_draft"]
    choose_protocol(panel, 1)
    assert panel.message == "A label is on its way: wait until it is sent."
    assert (panel.work.image, panel.ui.protocolCombo.currentIndex) == ("one", 0)
    client.gate.set()
    panel.idle()


@pytest.mark.parametrize(("press", "answer"), [("submit", "submit"), ("next", "discard")])
def test_an_answer_counts_for_the_image_that_the_question_was_about(
    connect: Callable[..., Driver], client: FolderClient, press: str, answer: str
) -> None:
    client.infer("head", "two", keep=True)
    driver = connect(client)
    driver.open("one")
    driver.do("detect")
    driver.drag(2, (51.0, 48.0))
    driver.choose(0)
    driver.click("clear")
    client.gate.clear()
    driver.answers = ["keep"]
    driver.ui.imageTable.cellDoubleClicked.emit(_select(driver, "two"), 0)

    def ask(_question: object) -> str:
        client.gate.set()
        driver.host.step(300)  # a dialog, in which events go on; the image comes
        client.gate.clear()
        assert driver.work.image == "one"
        return answer

    driver.bench.ask = ask
    if press == "submit":
        driver.click("submit")
    else:
        driver.ui.imageTable.cellDoubleClicked.emit(_select(driver, "three"), 0)
    client.gate.set()
    driver.idle()
    sent = {"submit": [("one", "final")], "discard": []}[answer]
    assert [key for key in client.labels if key[1] != "original"] == sent
    assert [item.image for item in driver.bench.session.unsent] == []


def test_closing_the_module_while_a_request_runs(
    connect: Callable[..., Driver],
    client: FolderClient,
    tmp_path: Path,
) -> None:
    driver = connect(client)
    driver.do("nextSample")
    client.gate.clear()
    driver.click("detect")
    background = driver.bench.background
    driver.host.close_module()
    client.gate.set()
    driver.host.step(200)
    assert not background.running()


def test_leaving_the_module_while_a_request_runs(panel: Driver, client: FolderClient) -> None:
    client.gate.clear()
    panel.click("detect")
    panel.widget.exit()
    client.gate.set()
    panel.idle()
    panel.widget.enter()
    assert panel.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)


def test_an_image_that_comes_while_another_module_is_shown_waits_for_the_person(
    connected: Driver, client: FolderClient, tmp_path: Path
) -> None:
    manager = slicer.app.layoutManager()
    before = manager.layout
    client.gate.clear()
    connected.click("nextSample")
    connected.widget.exit()
    client.gate.set()
    connected.idle()
    spent = connected.work.seconds
    connected.host.step(50)
    assert (connected.work.seconds, manager.layout) == (spent, before)
    connected.do("detect")
    scene = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(scene)
    slicer.mrmlScene.Clear(False)
    assert slicer.mrmlScene.ReadFromMRB(scene, True)
    spent = connected.work.seconds
    connected.host.step(50)
    assert (connected.work.image, connected.work.seconds) == ("one", spent)
    connected.widget.enter()
    connected.host.step(50)
    assert connected.work.seconds > spent
    assert manager.layout != before


def test_the_token_is_in_no_setting_scene_or_log(
    make_panel: Callable[..., Driver],
    client: FolderClient,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = []
    driver = make_panel(lambda address, token: given.append((address, token)) or client)
    with caplog.at_level(logging.DEBUG):
        driver.connect("http://stand-in", token="very-secret")
        driver.do("nextSample")
        driver.do("detect")
        driver.drag(2, (51.0, 48.0))
    assert given[0] == ("http://stand-in", "very-secret")
    scene = tmp_path / "scene.mrml"
    driver.host.scene.SetURL(str(scene))
    driver.host.scene.Commit(str(scene))
    import slicer

    slicer.app.userSettings().sync()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 2
    assert not any(b"very-secret" in content for content in written)
    assert "very-secret" not in caplog.text
    assert "very-secret" not in driver.message


def test_servers_and_name_are_remembered(make_panel: Callable[..., Driver], client: FolderClient) -> None:
    driver = make_panel(lambda _address, _token: client)
    driver.ui.annotatorEdit.setText("Ada")
    driver.connect("http://stand-in")
    driver.close()
    again = make_panel(lambda _address, _token: client)
    assert again.ui.serverCombo.currentText == "http://stand-in"
    assert again.ui.annotatorEdit.text == "Ada"


def _select(panel: Driver, image: str) -> int:
    table = panel.ui.imageTable
    row = [table.item(r, 0).text() for r in range(table.rowCount)].index(image)
    table.selectRow(row)
    return row
