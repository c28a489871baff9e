"""The loop of labelling by keys: how many keys, drags and scrolls an image costs, counted on the real scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from folder_client import PHOTO, FolderClient
from LandmarkDetectionLib.server.images import ImageEntry
from LandmarkDetectionLib.server.prediction import Answer
from panel_driver import Driver


class WideClient(FolderClient):
    """Many landmarks in many images.

    Args:
        landmarks: how many there are, on a grid.
        images: how many there are.
    """

    def __init__(self, landmarks: int, images: int) -> None:
        super().__init__()
        self.pixels = [(10.0 + 20.0 * (i % 5), 10.0 + 18.0 * (i // 5)) for i in range(landmarks)]
        names = [f"point_{i}" for i in range(landmarks)]
        head = self.document["protocols"]["head"]
        head["landmarks"] = [{"name": name, "color": f"#{40 + 10 * i:02X}C040"} for i, name in enumerate(names)]
        head["measurements"] = []
        self.names = names
        self.entries = {
            f"image_{i:02}": ImageEntry(f"image_{i:02}", file_name=f"image_{i:02}.png") for i in range(images)
        }

    def infer(self, task: str, image: str, keep: bool = False) -> Answer:
        self._called("infer")
        found = [
            {"name": n, "status": "defined", "position": list(PHOTO.to_lps(*p)), "confidence": 0.9}
            for n, p in zip(self.names, self.pixels, strict=True)
        ]
        document = {"protocol": "head", "model_version": "v1", "image": image, "landmarks": found}
        return Answer(document, b"{}")

    @property
    def finished(self) -> list[str]:
        return [name for name, tag in self.labels if tag == "final"]


class Scrolls:
    """Counts how often anything of the panel was scrolled by a person or by itself."""

    def __init__(self, driver: Driver) -> None:
        self.count = 0
        for area in (driver.host.scroll, driver.ui.panelScroll):
            area.verticalScrollBar().valueChanged.connect(self._moved)

    def _moved(self, *_: Any) -> None:
        self.count += 1


def press(driver: Driver, key: str, modifier: str = "") -> None:
    driver.key(key, modifier)
    driver.idle()


@pytest.fixture
def wide(make_panel: Callable[..., Driver]) -> Callable[..., tuple[Driver, WideClient, Scrolls]]:
    """Connected, at 780 pixels of height, with nothing open."""

    def make(landmarks: int = 19, images: int = 2) -> tuple[Driver, WideClient, Scrolls]:
        client = WideClient(landmarks, images)
        driver = make_panel(lambda _address, _token: client)
        driver.host.window.resize(980, 780)
        driver.connect("http://stand-in")
        driver.keys = driver.deeds = 0
        return driver, client, Scrolls(driver)

    return make


def test_detect_and_submit_costs_two_keys(wide: Callable[..., Any]) -> None:
    driver, client, scrolls = wide()
    driver.do("nextSample")
    press(driver, "D")
    press(driver, "O")
    assert client.finished == ["image_00"]
    assert (driver.keys, driver.deeds, scrolls.count) == (2, 0, 0)
    origins = client.labels["image_00", "final"][1]["landmarks"]
    assert all(origin["confirmed"] for origin in origins.values())


def test_accepting_all_19_costs_one_key_and_one_takes_it_back(wide: Callable[..., Any]) -> None:
    driver, _client, scrolls = wide()
    driver.do("nextSample")
    driver.do("detect")
    press(driver, "A", "shift")
    assert [row[1] for row in driver.rows] == ["accepted"] * 19
    assert (driver.keys, driver.deeds, scrolls.count) == (1, 0, 0)
    press(driver, "Z")
    assert [row[1] for row in driver.rows] == ["predicted"] * 19


def test_fixing_two_and_submitting_costs_two_drags_and_one_key(wide: Callable[..., Any]) -> None:
    driver, client, scrolls = wide()
    driver.do("nextSample")
    driver.do("detect")
    driver.drag(3, (73.0, 15.0))
    driver.drag(11, (27.0, 50.0))
    press(driver, "O")
    assert client.finished == ["image_00"]
    assert (driver.keys, driver.deeds, scrolls.count) == (1, 2, 0)
    moved = client.labels["image_00", "final"][1]["displacement"]
    assert [name for name, distance in moved.items() if distance] == ["point_3", "point_11"]


def test_fourteen_points_from_scratch_cost_two_keys_and_fourteen_clicks(wide: Callable[..., Any]) -> None:
    driver, client, scrolls = wide(landmarks=14)
    driver.do("nextSample")
    press(driver, "X")
    for x, y in client.pixels:
        driver.click_view(x, y)
    press(driver, "S")
    assert client.finished == ["image_00"]
    assert driver.questions == []
    assert (driver.keys, driver.deeds, scrolls.count) == (2, 14, 0)
    assert driver.pixels() == [pytest.approx(pixel, abs=0.3) for pixel in client.pixels]


def test_ten_good_images_cost_one_key_each(wide: Callable[..., Any]) -> None:
    driver, client, scrolls = wide(images=10)
    driver.ui.detectOnOpenCheck.setChecked(True)
    driver.ui.nextAfterSubmitCheck.setChecked(True)
    press(driver, "J")
    driver.keys = 0
    for _ in range(10):
        press(driver, "O")
    assert client.finished == [f"image_{i:02}" for i in range(10)]
    assert (driver.keys, driver.deeds, scrolls.count) == (10, 0, 0)
    assert driver.message == "All 3 images are labelled.", "the server's word when nothing is left"


def test_a_wrong_point_costs_one_drag_more(wide: Callable[..., Any]) -> None:
    driver, client, scrolls = wide(images=3)
    driver.ui.detectOnOpenCheck.setChecked(True)
    driver.ui.nextAfterSubmitCheck.setChecked(True)
    press(driver, "J")
    driver.keys = 0
    for _ in range(3):
        driver.drag(7, (55.0, 33.0))
        press(driver, "O")
    assert len(client.finished) == 3
    assert (driver.keys, driver.deeds, scrolls.count) == (3, 3, 0)


def test_the_options_are_remembered(wide: Callable[..., Any], make_panel: Callable[..., Driver]) -> None:
    driver, _client, _scrolls = wide()
    driver.ui.nextAfterSubmitCheck.setChecked(True)
    driver.close()
    again = make_panel()
    assert (again.ui.detectOnOpenCheck.checked, again.ui.nextAfterSubmitCheck.checked) == (False, True)


def test_a_labelled_image_is_not_detected_by_itself(wide: Callable[..., Any]) -> None:
    driver, client, _scrolls = wide()
    driver.ui.detectOnOpenCheck.setChecked(True)
    press(driver, "J")
    driver.drag(0, (15.0, 14.0))
    driver.do("draft")
    driver.open("image_01")
    asked = client.calls.count("infer")
    driver.open("image_00")
    assert client.calls.count("infer") == asked
    assert driver.rows[0][1] == "corrected"


def test_predictions_nobody_looked_at_are_told_before_a_label_is_sent(wide: Callable[..., Any]) -> None:
    driver, client, _scrolls = wide(landmarks=7)
    driver.do("nextSample")
    driver.do("detect")
    driver.choose(0)
    press(driver, "N")
    driver.drag(2, (52.0, 13.0))
    press(driver, "S")
    assert driver.message == "4 points were not looked at: point 3, point 4, point 5, point 6."
    assert driver.ui.retryButton.text == "Submit All the Same"
    assert client.finished == []
    assert driver.questions == [], "no dialog"
    driver.choose(3)
    press(driver, "S")
    assert driver.message == "image_00 is submitted.", "a second submit is an answer too"


def test_the_question_is_asked_again_when_something_else_was_said(wide: Callable[..., Any]) -> None:
    driver, client, _scrolls = wide(landmarks=7)
    driver.do("nextSample")
    driver.do("detect")
    press(driver, "S")
    driver.do("refresh")
    press(driver, "S")
    assert client.finished == []
    driver.do("retry")
    assert client.finished == ["image_00"]


def test_clear_all_and_fit(wide: Callable[..., Any]) -> None:
    driver, _client, _scrolls = wide()
    driver.do("nextSample")
    driver.do("detect")
    whole = driver.host.view.node.GetFieldOfView()
    press(driver, "C", "shift")
    assert [row[1] for row in driver.rows] == ["unlabelled"] * 19
    press(driver, "Z")
    driver.choose(0)
    assert driver.host.view.node.GetFieldOfView()[0] == pytest.approx(whole[0] / 3)
    press(driver, "W")
    assert driver.host.view.node.GetFieldOfView() == pytest.approx(whole)
