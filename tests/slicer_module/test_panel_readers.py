"""A study with two readers in the panel: it asks for a name, and lists the images as that person sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from folder_client import FolderClient
from panel_driver import Driver


@pytest.fixture
def client() -> FolderClient:
    client = FolderClient()
    client.document["readers"] = 2
    return client


def status(driver: Driver) -> str:
    return str(driver.ui.statusLabel.text)


def test_without_a_name_the_panel_asks_for_it(connected: Driver, client: FolderClient) -> None:
    assert status(connected) == "Each image has 2 readers: enter your name"
    connected.ui.annotatorEdit.setText("Ada")
    assert client.annotator == "Ada"
    assert status(connected).endswith(", labelling as Ada, one of 2 readers")


def test_another_name_lists_the_images_anew(make_panel: Callable[..., Driver], client: FolderClient) -> None:
    driver = make_panel(lambda _address, _token: client)
    driver.ui.annotatorEdit.setText("Ada")
    driver.connect("http://stand-in")
    assert client.annotator == "Ada"
    before = client.calls.count("images")
    driver.ui.annotatorEdit.setText("Grace")
    driver.ui.annotatorEdit.editingFinished.emit()
    driver.idle()
    assert client.calls.count("images") == before + 1
    driver.ui.annotatorEdit.editingFinished.emit()
    driver.idle()
    assert client.calls.count("images") == before + 1


def test_with_one_reader_a_name_lists_nothing_anew(connect: Callable[..., Driver]) -> None:
    client = FolderClient()
    driver = connect(client)
    assert status(driver).endswith("labelling without a name")
    before = client.calls.count("images")
    driver.ui.annotatorEdit.setText("Grace")
    driver.ui.annotatorEdit.editingFinished.emit()
    driver.idle()
    assert client.calls.count("images") == before


def test_another_reader_neither_sees_nor_sends_the_points_of_the_former(
    make_panel: Callable[..., Driver], client: FolderClient
) -> None:
    driver = make_panel(lambda _address, _token: client)
    driver.ui.annotatorEdit.setText("Ada")
    driver.connect("http://stand-in")
    driver.do("nextSample")
    driver.do("detect")
    driver.drag(2, (51.0, 48.0))
    driver.ui.annotatorEdit.setText("Grace")
    driver.do("submit")
    assert driver.message == "one was opened as Ada: enter that name again, or open the image anew."
    driver.ui.annotatorEdit.editingFinished.emit()
    driver.idle()
    assert driver.work is None
    assert not driver.ui.sendAgainButton.enabled
    driver.open("one")
    assert driver.work.empty
    assert client.labels == {}

    driver.ui.annotatorEdit.setText("Ada")
    driver.ui.annotatorEdit.editingFinished.emit()
    driver.idle()
    driver.open("one")
    assert driver.pixels()[2] == pytest.approx((51.0, 48.0), abs=0.3)
    driver.submit()
    assert client.labels["one", "final"][1]["annotator"] == "Ada"
