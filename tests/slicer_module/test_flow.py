"""The whole use of the module on a real server process: connect, detect, drag, submit, train, detect again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import requests
from panel_driver import Driver
from PySide6 import QtCore
from spot_server import LABELLED, OPEN_IMAGES, SPACINGS, Place, Ticks

pytestmark = pytest.mark.server

#: How far a drag goes, in pixels of the image.
STEP = np.array([6.0, -4.0])
COLORS = ("#00FF00", "#FF00FF")
EPOCHS = 6


def test_connect_detect_drag_submit_train_detect(make_panel: Callable[..., Driver], place: Place) -> None:
    driver = make_panel()
    driver.ui.annotatorEdit.setText("Ada")
    driver.connect(place.url)
    assert "Connected" in driver.message
    assert driver.ui.statusLabel.text == "Connected to Landmark detection 0.1.0, labelling as Ada"
    assert [name for name, state in driver.images.items() if state == "unlabelled"] == list(OPEN_IMAGES)
    for image in OPEN_IMAGES:
        first_round(driver, place, image)
    train(driver)
    for image in OPEN_IMAGES:
        second_round(driver, place, image)


def first_round(driver: Driver, place: Place, image: str) -> None:
    """The next sample, its prediction by the untrained network, one point dragged, submitted."""
    driver.do("nextSample")
    assert driver.work.image == image
    assert [row[1] for row in driver.rows] == ["unlabelled"] * 2
    driver.do("detect")
    said = requests.post(f"{place.url}/infer/spots?image={image}&output=json", timeout=60).json()
    proposed = np.array([entry["pixel"] for entry in said["landmarks"]])
    np.testing.assert_allclose(driver.pixels(), proposed, atol=1e-3)
    assert [row[1] for row in driver.rows] == ["predicted"] * 2
    assert [row[2] for row in driver.rows] == [f"{entry['confidence']:.2f}" for entry in said["landmarks"]]
    driver.choose(1)
    driver.bench.scene.fit_image()
    check_glyph(driver, 1, proposed[1])
    target = np.where(proposed[1] < (44, 32), proposed[1] + np.abs(STEP), proposed[1] - np.abs(STEP))
    driver.drag(1, (float(target[0]), float(target[1])))
    now = np.array(driver.pixels())
    check_moved(driver, image, proposed, now)
    driver.submit()
    assert driver.message == f"{image} is submitted."
    assert driver.images[image] == "final"
    np.testing.assert_allclose(place.label(image).points[1], now[1], atol=0.05)
    np.testing.assert_allclose(place.label(image).points[0], proposed[0], atol=1e-3)
    notes = requests.get(f"{place.url}/datastore/label/info?label={image}&tag=final", timeout=60).json()
    assert (notes["model_version"], notes["annotator"], notes["client"]) == ("v1", "Ada", "3D Slicer")
    assert notes["displacement"]["bright"] == 0
    assert notes["displacement"]["dim"] == pytest.approx(float(driver.rows[1][3].split()[0]), abs=0.051)
    correct_all(driver, place, image)


def correct_all(driver: Driver, place: Place, image: str) -> None:
    """Both points to where the spots are, and submitted once more: what the network is to learn."""
    for index in (1, 0):
        driver.drag(index, tuple(place.truth[image][index]))
    assert [row[1] for row in driver.rows] == ["corrected"] * 2
    assert driver.work.dirty
    driver.submit()
    assert not driver.work.dirty
    np.testing.assert_allclose(place.label(image).points, driver.pixels(), atol=0.05)
    np.testing.assert_allclose(place.label(image).points, place.truth[image], atol=0.3)


def check_glyph(driver: Driver, index: int, pixel: np.ndarray) -> None:
    """The point's own colour lies in the rendered picture where the server said."""
    found = driver.glyph(COLORS[index])
    zoom = np.array(driver.image_to_view(1.0, 1.0)) - driver.image_to_view(0.0, 0.0)
    assert abs(zoom).min() > 2, "a view this coarse says nothing about half a pixel"
    np.testing.assert_allclose(found, pixel, atol=0.5)


def check_moved(driver: Driver, image: str, proposed: np.ndarray, now: np.ndarray) -> None:
    *spacing, unit = SPACINGS[image]
    far = float(np.hypot(*((now[1] - proposed[1]) * spacing)))
    assert np.hypot(*(now[1] - proposed[1])) == pytest.approx(np.hypot(*STEP), abs=1.0)
    np.testing.assert_allclose(now[0], proposed[0], atol=1e-3)
    status, moved = driver.rows[1][1], driver.rows[1][3]
    assert (status, moved) == ("corrected", f"{far:.1f} {unit}")
    assert driver.rows[0][1] == "predicted"
    assert driver.rows[0][3] == ""


def train(driver: Driver) -> None:
    """Trains; the progress and the chart move while it runs, and the panel stays alive."""
    ticks = Ticks(QtCore.QTimer)
    driver.ui.epochsSpin.setValue(EPOCHS)
    driver.click("train")
    bars, charts = set(), set()

    def ended() -> bool:
        bars.add(driver.ui.trainingBar.value)
        if driver.ui.chartLabel.visible:
            charts.add(bytes(driver.ui.chartLabel.pixmap.toImage().constBits()))
        stats = driver.bench.session.train_stats
        return bool(stats and stats.status in ("done", "failed", "stopped")) and not driver.bench.background.running(
            "watch", "train"
        )

    driver.host.wait(lambda: driver.bench.session.train_stats.active, 30)
    assert not driver.ui.trainButton.enabled
    assert driver.ui.stopButton.enabled
    driver.host.wait(ended, 180)
    ticks.stop()
    print("longest pause of the event loop while training:", round(1000 * ticks.longest), "ms")
    stats: Any = driver.bench.session.train_stats
    assert stats.status == "done", stats
    assert driver.ui.trainingBar.value == EPOCHS
    assert len(bars) > 2, bars
    assert len(charts) >= 2, "the chart did not move"
    assert driver.panel.training.history[-1].epoch == EPOCHS
    assert stats.labels_used == LABELLED + len(OPEN_IMAGES)
    assert driver.bench.session.model.version == "v2", stats
    assert f"network v2, trained on {LABELLED + len(OPEN_IMAGES)} labels" in driver.ui.modelInfoLabel.text


def second_round(driver: Driver, place: Place, image: str) -> None:
    """The labelled image once more: the new network answers, and a person's point stays."""
    driver.open(image)
    assert driver.rows[1][1] == "corrected"
    before = driver.pixels()
    driver.do("detect")
    assert driver.message.startswith("Network v2 found")
    assert driver.work.model_version == "v2"
    np.testing.assert_allclose(driver.pixels(), before, atol=1e-3)
    driver.do("reset")
    said = requests.post(f"{place.url}/infer/spots?image={image}&output=json", timeout=60).json()
    assert said["model_version"] == "v2"
    np.testing.assert_allclose(driver.pixels(), [entry["pixel"] for entry in said["landmarks"]], atol=1e-3)
    driver.answers = ["discard"]  # for the next image: the label keeps the first network's proposal
