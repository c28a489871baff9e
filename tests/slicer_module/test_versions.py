"""Earlier versions of a label, in the session and in the panel, without a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from folder_client import PHOTO, PIXELS, FolderClient
from LandmarkDetectionLib.errors import BadAnswer, Refused, WrongDefinition
from LandmarkDetectionLib.server.images import LabelVersion
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.label_document import read_label
from panel_driver import Driver
from PySide6 import QtCore, QtTest, QtWidgets


def described(**changes: Any) -> dict[str, Any]:
    entry = {"version": "20260102T030405Z-3", "time": "2026-01-02T03:04:05+00:00", "saved": 1_700_000_000}
    more = {"reason": "replaced", "user": "Ada", "protocol": "head", "model_version": None, "restored_from": None}
    return {**entry, **more, **changes}


def test_the_servers_list_is_read() -> None:
    document = {"image": "one", "tag": "final", "versions": [described(), described(saved=None, user=None)]}
    first, second = LabelVersion.list_from(document)
    assert first == LabelVersion(
        "final", "20260102T030405Z-3", "2026-01-02T03:04:05+00:00", "replaced", 1_700_000_000.0, "Ada", "head", ""
    )
    assert first.when.startswith("2023-11-1")
    assert (second.when, second.user) == ("2026-01-02 03:04", "")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"tag": "final"},
        {"versions": []},
        {"tag": "final", "versions": [{}]},
        {"tag": "final", "versions": [described(saved="x")]},
    ],
)
def test_a_list_of_another_form_is_refused(document: Any) -> None:
    with pytest.raises(BadAnswer):
        LabelVersion.list_from(document)


@pytest.fixture
def driver(connect: Callable[..., Driver], client: FolderClient) -> Driver:
    """Image "one" is submitted twice: as detected, then with the third point moved."""
    made = connect(client)
    made.do("nextSample")
    made.do("detect")
    made.answers = ["submit"]
    made.submit()
    made.drag(2, (51.0, 48.0))
    made.answers = ["submit"]
    made.submit()
    assert ("one", "final") in client.labels
    assert not made.work.dirty
    made.questions.clear()
    return made


def put_back(driver: Driver) -> list[tuple[str, tuple[LabelVersion, ...]]]:
    """Presses "Earlier..." and takes the newest version; returns what was offered."""
    offered: list[tuple[str, tuple[LabelVersion, ...]]] = []

    def choose(image: str, versions: tuple[LabelVersion, ...]) -> LabelVersion:
        offered.append((image, versions))
        return versions[0]

    driver.panel.versions.choose = choose
    driver.do("versions")
    return offered


def test_an_earlier_version_comes_back_with_its_points(driver: Driver, client: FolderClient) -> None:
    offered = put_back(driver)
    ((image, versions),) = offered
    assert (image, [(v.tag, v.version) for v in versions]) == ("one", [("final", "v-1")])
    assert driver.pixels()[2] == pytest.approx(PIXELS[2], abs=1e-3)
    assert driver.message.startswith("The label of one is that of 2023-11-1")
    assert not driver.work.dirty
    assert driver.questions == []
    assert driver.images["one"] == "final"
    put_back(driver)
    assert driver.pixels()[2] == pytest.approx((51.0, 48.0), abs=0.3), "the replaced one is a version itself"


def test_unsent_points_are_asked_about_first_and_kept(driver: Driver, client: FolderClient) -> None:
    driver.drag(0, (30.0, 30.0))
    driver.answers = ["stay"]
    put_back(driver)
    assert "restore_label" not in client.calls
    assert driver.pixels()[0] == pytest.approx((30.0, 30.0), abs=0.3)
    driver.answers = ["keep"]
    put_back(driver)
    assert client.calls.count("restore_label") == 1
    assert driver.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)
    assert [item.image for item in driver.bench.session.unsent] == ["one"]
    driver.drag(1, (66.0, 20.0))
    driver.answers = ["replace"]
    driver.do("sendAgain")
    sent = read_label(client.labels["one", "draft"][0], driver.work.task, PHOTO)
    assert sent[0].position[:2] == pytest.approx((30.0, 30.0), abs=0.3)
    assert driver.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)


def test_unsent_points_that_give_way_to_a_version_leave_the_changes_of_it(driver: Driver, client: FolderClient) -> None:
    driver.drag(0, (30.0, 30.0))
    driver.answers = ["keep"]
    put_back(driver)
    driver.drag(1, (66.0, 20.0))
    driver.answers = ["discard"]
    driver.do("sendAgain")
    assert driver.bench.session.unsent == ()
    assert driver.pixels()[1] == pytest.approx((66.0, 20.0), abs=0.3)


def test_points_that_are_given_up_make_room_too(driver: Driver) -> None:
    driver.drag(0, (30.0, 30.0))
    driver.answers = ["discard"]
    put_back(driver)
    assert driver.work.image == "one"
    assert driver.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)
    assert driver.bench.session.unsent == ()


def test_without_versions_and_without_a_choice_nothing_changes(driver: Driver, client: FolderClient) -> None:
    driver.panel.versions.choose = lambda *_: None
    before = driver.pixels()
    driver.do("versions")
    assert driver.pixels() == before
    client.versions.clear()
    driver.do("versions")
    assert driver.message == "one has no earlier version: its label was not changed yet."
    assert "restore_label" not in client.calls


def test_a_server_without_versions_says_so(driver: Driver, client: FolderClient) -> None:
    client.failure = Refused("There is no address /datastore/label/history.", 404)
    driver.do("versions")
    assert driver.message == "There is no address /datastore/label/history."
    assert driver.ui.versionsButton.enabled


def test_the_button_waits_for_an_image(make_panel: Callable[..., Driver], client: FolderClient) -> None:
    driver = make_panel(lambda _address, _token: client)
    assert not driver.ui.versionsButton.enabled
    driver.connect("http://stand-in")
    assert not driver.ui.versionsButton.enabled
    driver.do("nextSample")
    assert driver.ui.versionsButton.enabled


def test_versions_of_another_protocol_are_not_put_back(driver: Driver, client: FolderClient, tmp_path: Any) -> None:
    other = LabelVersion("final", "v-1", "2026-01-02T03:04:05+00:00", protocol="nose")
    with pytest.raises(WrongDefinition, match="protocol nose: choose that"):
        jobs.restore(client, driver.work.task, "one", other, tmp_path)
    assert "restore_label" not in client.calls


@pytest.mark.parametrize("button", ["restoreVersionButton", "cancelVersionsButton", None])
def test_the_dialog_lists_time_and_person_and_gives_the_chosen_one(driver: Driver, button: str | None) -> None:
    from LandmarkDetectionLib.panel.versions_box import choose_version

    versions = (
        LabelVersion("final", "n-2", "2026-01-02T03:04:05+00:00", "replaced", None, "Ada"),
        LabelVersion("draft", "n-1", "2026-01-01T03:04:05+00:00", "deleted"),
    )
    rows: list[list[str]] = []

    def press() -> None:
        dialog = QtWidgets.QApplication.activeModalWidget()
        table = dialog.findChild(QtWidgets.QTableWidget, "versionsTable")
        rows.extend([[table.item(row, column).text() for column in range(4)] for row in range(2)])
        table.selectRow(1)
        if button is None:
            dialog.reject()
        else:
            QtTest.QTest.mouseClick(dialog.findChild(QtWidgets.QPushButton, button), QtCore.Qt.LeftButton)

    QtCore.QTimer.singleShot(100, press)
    chosen = choose_version("one", versions)
    assert rows == [
        ["2026-01-02 03:04", "Ada", "final", "replaced"],
        ["2026-01-01 03:04", "unknown", "draft", "deleted"],
    ]
    assert chosen == (versions[1] if button == "restoreVersionButton" else None)
    driver.host.step()
