"""Parts of the panel on their own: the chart, the dialog, pictures, another protocol, and the logic for scripts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folder_client import NAMES, PIXELS, FolderClient
from LandmarkDetectionLib.errors import WrongToken
from panel_driver import Driver
from PIL import Image
from PySide6 import QtCore, QtTest, QtWidgets

from monai_ext.images import read_image

BLUE, ORANGE = "#2f7fc1", "#d98e04"


def rows_of(image: Any, column: int, color: str) -> list[int]:
    """The rows of one column of a picture that have nearly a colour."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    found = []
    for row in range(image.height()):
        pixel = image.pixelColor(column, row)
        near = all(abs(a - b) < 30 for a, b in zip((pixel.red(), pixel.green(), pixel.blue()), wanted, strict=True))
        if near and pixel.alpha() > 150:
            found.append(row)
    return found


def test_the_chart_draws_each_value_at_its_height(make_panel: Callable[..., Driver]) -> None:
    make_panel()
    from LandmarkDetectionLib.panel.pictures import Moment, draw_chart

    history = [Moment(1, 4.0, 10.0), Moment(6, 2.0, None), Moment(11, 1.0, 5.0)]
    image = draw_chart((292, 140), history, 11, "px", "#000000").toImage()
    assert (image.width(), image.height()) == (292, 140)
    # The axes run from x = 46 (epoch 1) to 246 (epoch 11) and from y = 120 (0) up to 20 (the highest value).
    middle = rows_of(image, 146, BLUE)
    assert sum(middle) / len(middle) == pytest.approx(70, abs=1.5)
    quarter = rows_of(image, 96, BLUE)
    assert sum(quarter) / len(quarter) == pytest.approx(45, abs=1.5)
    error = [row for row in rows_of(image, 146, ORANGE) if row > 20]
    assert sum(error) / len(error) == pytest.approx(45, abs=1.5), "a line over the epochs without validation"
    end = [row for row in rows_of(image, 246, ORANGE) if row > 20]
    assert sum(end) / len(end) == pytest.approx(70, abs=2)


def test_the_axis_of_losses_far_from_zero_fits_them(make_panel: Callable[..., Driver]) -> None:
    make_panel()
    from LandmarkDetectionLib.panel.pictures import Moment, draw_chart

    history = [Moment(1, 10.0, None), Moment(6, 9.0, None), Moment(11, 6.0, None)]
    image = draw_chart((292, 140), history, 11, "px", "#000000").toImage()
    middle = rows_of(image, 146, BLUE)  # 9 lies three quarters of the way from 6, at y = 120, to 10, at y = 20
    assert sum(middle) / len(middle) == pytest.approx(45, abs=1.5)


def test_a_chart_without_any_value_has_axes_only(make_panel: Callable[..., Driver]) -> None:
    make_panel()
    from LandmarkDetectionLib.panel.pictures import Moment, draw_chart

    image = draw_chart((292, 140), [Moment(0, None, None)], 0, "", "#000000").toImage()
    for column in range(46, 247, 10):
        drawn = [row for color in (BLUE, ORANGE) for row in rows_of(image, column, color)]
        assert all(row < 20 for row in drawn), "letters only"
    assert image.pixelColor(100, 120).alpha() > 100


@pytest.mark.parametrize(("confidence", "color"), [(0.95, "#12966f"), (0.5, "#d98e04"), (0.2, "#d1493f")])
def test_the_bar_is_as_full_and_as_coloured_as_the_confidence(
    make_panel: Callable[..., Driver], confidence: float, color: str
) -> None:
    make_panel()
    from LandmarkDetectionLib.panel.pictures import confidence_bar

    image = confidence_bar(confidence).toImage()
    full = [x for x in range(1, 39) if image.pixelColor(x, 5).name() == color]
    assert full == list(range(1, 1 + round(38 * confidence)))


@pytest.mark.parametrize("choice", ["save_draft", "discard", None])
def test_the_dialog_gives_the_pressed_answer(make_panel: Callable[..., Driver], choice: str | None) -> None:
    driver = make_panel()
    from LandmarkDetectionLib.panel.dialogs import ask
    from LandmarkDetectionLib.work.question import Question

    seen: list[str] = []

    def press() -> None:
        dialog = QtWidgets.QApplication.activeModalWidget()
        seen.extend(label.text for label in dialog.findChildren(QtWidgets.QLabel))
        if choice is None:
            dialog.reject()
        else:
            button = dialog.findChild(QtWidgets.QPushButton, f"{choice}Choice")
            QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton)

    QtCore.QTimer.singleShot(100, press)
    question = Question("What now?", ("One thing.", "<b>Another</b>."), ("save_draft", "discard", "stay"))
    assert ask(question) == (choice or "stay")
    assert seen == ["What now?", "One thing.", "<b>Another</b>."]
    driver.host.step()


def test_the_server_section_folds_for_an_image_and_opens_for_a_refused_token(
    connected: Driver, client: FolderClient
) -> None:
    assert connected.ui.serverSection.collapsed is False
    connected.do("nextSample")
    assert connected.ui.serverSection.collapsed is True
    client.failure = WrongToken("The server wants another access token.")
    connected.panel.server.connect()
    connected.idle()
    assert connected.message == "The server wants another access token."
    assert connected.ui.serverSection.collapsed is False


def test_another_protocol_opens_the_same_image(connect: Callable[..., Driver], client: FolderClient) -> None:
    other = copy.deepcopy(client.document["protocols"]["head"])
    other |= {"name": "nose", "title": "A nose", "landmarks": other["landmarks"][2:3], "measurements": []}
    client.document["protocols"]["nose"] = other
    driver = connect(client)
    driver.do("nextSample")
    driver.do("detect")
    driver.drag(2, (51.0, 48.0))
    combo = driver.ui.protocolCombo
    driver.answers = ["stay"]
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    driver.idle()
    assert combo.currentText == "A head", "the person stayed"
    assert len(driver.rows) == len(NAMES)
    driver.answers = ["keep"]
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    driver.idle()
    assert driver.rows == [["nose", "unlabelled", "", ""]]
    assert driver.work.image == "one"
    assert driver.bench.scene.points_node.GetNumberOfControlPoints() == 1
    combo.setCurrentIndex(0)
    combo.activated.emit(0)
    driver.idle()
    assert driver.pixels()[2] == pytest.approx((51.0, 48.0), abs=0.3)
    assert driver.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)


def test_training_that_fails_says_why(connected: Driver, client: FolderClient) -> None:
    client.document["train_stats"] = {"head": {"status": "running", "epoch": 2, "max_epochs": 60, "loss": 0.5}}
    connected.do("train")
    assert connected.ui.trainingBar.value == 2
    assert connected.ui.trainingBar.maximum == 60
    client.document["train_stats"] = {"head": {"status": "failed", "message": "No label can be read."}}
    connected.host.wait(lambda: connected.message == "No label can be read.", 10)
    assert connected.ui.trainButton.enabled
    assert "train" in client.calls


@pytest.mark.parametrize(
    ("config", "shown", "sent"),
    [
        ({"max_epochs": 60}, (60, "60"), {"max_epochs": 60}),
        ({"batch_size": 4}, (0, "automatic"), {}),  # the number follows from that of the images
    ],
)
def test_training_takes_the_server_s_number_of_epochs(
    connect: Callable[..., Driver], config: dict, shown: tuple[int, str], sent: dict
) -> None:
    client = FolderClient()
    client.document["trainers"] = {"head": {"config": config}}
    driver = connect(client)
    spin = driver.ui.epochsSpin
    assert (spin.value, spin.text) == shown
    driver.do("train")
    assert client.trained_with == sent


def test_stopping_a_training(connect: Callable[..., Driver], client: FolderClient) -> None:
    client.document["train_stats"] = {"head": {"status": "running", "epoch": 2, "max_epochs": 60, "loss": 0.5}}
    driver = connect(client)
    driver.host.wait(lambda: bool(driver.panel.training.history), 10, "a training that goes on is watched at once")
    client.document["train_stats"] = {"head": {"status": "stopped", "message": "Training was stopped."}}
    driver.do("stop")
    assert "stop_training" in client.calls
    driver.host.wait(lambda: driver.message == "Training was stopped.", 10)


@pytest.mark.parametrize("noticed", ["refresh", "submit", "detect"])
def test_a_training_that_the_server_began_is_watched_and_its_network_named(
    connected: Driver, client: FolderClient, noticed: str
) -> None:
    connected.do("nextSample")
    connected.do("detect")
    client.document["train_stats"] = {"head": {"status": "running", "epoch": 2, "max_epochs": 60, "loss": 0.5}}
    client.version = "v2"
    client.document["models"]["head"] = {"model_version": "v2"}
    if noticed == "submit":
        connected.submit()
    else:
        connected.do(noticed)
    connected.host.wait(lambda: connected.ui.trainingBar.value == 2, 10)
    assert connected.ui.modelInfoLabel.text == "In use: network v2"
    client.document["train_stats"]["head"] = {"status": "done", "message": "v3 is published."}
    client.document["models"]["head"] = {"model_version": "v3"}
    connected.host.wait(lambda: connected.message == "v3 is published.", 10)
    assert connected.ui.modelInfoLabel.text == "In use: network v3"


def test_nothing_left_to_label_is_said(connected: Driver, client: FolderClient) -> None:
    connected.do("nextSample")
    for _ in range(3):
        connected.do("detect")
        connected.submit()
        connected.do("nextSample")
    assert connected.message == "All 3 images are labelled."


@pytest.mark.parametrize(
    ("kind", "answer", "sent", "spacing"),
    [
        ("changed", "without_size", "mine.png", None),
        ("changed", "upload", "mine.nrrd", (25.4 / 72, 25.4 / 72)),
        ("float", "upload", "mine.nrrd", (25.4 / 72, 25.4 / 72)),
        ("as read", "upload", "mine.jpg", None),
    ],
)
def test_the_print_density_of_a_photograph_is_sent_as_its_pixel_size_only_where_a_person_says_so(
    panel: Driver, tmp_path: Path, kind: str, answer: str, sent: str, spacing: tuple[float, float] | None
) -> None:
    import slicer.util

    values = np.arange(8000, dtype=np.uint8).reshape(80, 100)
    Image.fromarray(values).save(tmp_path / "mine.jpg", dpi=(72, 72), quality=100)
    node = panel.host.slicer.load(tmp_path / "mine.jpg")
    node.SetName("mine")
    pixels = slicer.util.arrayFromVolume(node)[0].copy()
    if kind == "float":
        slicer.util.updateVolumeFromArray(node, pixels[None].astype(np.float32))
    elif kind == "changed":
        slicer.util.arrayFromVolumeModified(node)
    panel.ui.volumeSelector.setCurrentNode(node)
    panel.answers = [answer]
    panel.do("upload")
    (question,) = panel.questions
    told = [detail for detail in question.details if "0.3528 x 0.3528 mm" in detail]
    assert len(told) == (kind != "as read")
    assert question.choices == (*(("without_size",) if kind == "changed" else ()), "upload", "stay")
    path = panel.bench.folder / "upload" / sent
    image, frame = read_image(path)
    assert frame.spacing == (None if spacing is None else pytest.approx(spacing))
    np.testing.assert_array_equal(image[0], pixels)
    panel.do("detect")
    assert panel.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)
