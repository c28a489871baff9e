"""The panel as a person uses it, on real points in a real view, with a client that needs no server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from folder_client import COLORS, NAMES, PIXELS, FolderClient
from LandmarkDetectionLib.errors import ServerFailed, Unreachable
from LandmarkDetectionLib.server.prediction import Answer
from panel_driver import Driver

TITLES = [name.replace("_", " ") for name in NAMES]


def saved_points(client: FolderClient, image: str, tag: str = "final") -> dict[str, tuple[str, list[float]]]:
    """Status and LPS position of the points of a stored label."""
    markups = json.loads(client.labels[image, tag][0])["markups"][0]
    return {point["label"]: (point["positionStatus"], point.get("position", [])) for point in markups["controlPoints"]}


def test_the_table_shows_what_the_network_said(detected: Driver) -> None:
    confidences = [f"{confidence}  ±1.5 px" for confidence in ("0.90", "0.80", "0.70", "0.60", "0.50", "0.40", "0.30")]
    assert detected.rows == [[t, "predicted", c, ""] for t, c in zip(TITLES, confidences, strict=True)]
    assert detected.pixels() == [pytest.approx(pixel, abs=1e-3) for pixel in PIXELS]
    assert detected.ui.measurementTable.item(0, 1).text() == "30.0 px"


def test_where_no_network_answers_the_panel_says_what_does(
    panel: Driver, client: FolderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = "Matched with 2 labelled images, as there is no trained network yet: check each point."
    monkeypatch.setattr(client, "version", "first-labels")
    infer = client.infer

    def matched(task: str, image: str, keep: bool = False) -> Answer:
        found = infer(task, image)
        return Answer({**found.document, "message": sentence}, found.markups)

    monkeypatch.setattr(client, "infer", matched)
    panel.do("detect")
    count = len(NAMES)
    assert panel.message == f"{count} of {count} landmarks are proposed in one. {sentence}"
    client.document["models"] = {"head": {"model_version": "first-labels", "message": "Labels are matched."}}
    panel.bench.session.update_info(client.info())
    panel.bench.changed()
    assert panel.ui.modelLabel.text == "Labels are matched."
    assert panel.work.model_version == "first-labels"


def test_an_image_unlike_those_of_the_training_is_warned_of_and_the_next_one_is_not(
    panel: Driver, client: FolderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = client.infer

    def strange(task: str, image: str, keep: bool = False) -> Answer:
        found = infer(task, image)
        told = {"distance": 90.5, "threshold": 70.25, "message": "said by the server"}
        return Answer({**found.document, "unfamiliar": told}, found.markups)

    monkeypatch.setattr(client, "infer", strange)
    panel.do("detect")
    sentence = "This image is unlike those that the model was trained on; check every point."
    assert (panel.message, panel.bench.message.kind) == (sentence, "warning")
    assert panel.work.model_version == client.version
    monkeypatch.setattr(client, "infer", infer)
    panel.do("detect")
    assert (panel.message.startswith("Network "), panel.bench.message.kind) == (True, "info")


def test_how_far_a_point_may_be_off_is_said_until_a_person_moves_it(detected: Driver) -> None:
    cell = detected.ui.landmarkTable.item(2, 2)
    assert cell.toolTip() == (
        "Confidence of the network, from 0 to 1. The true place lies within 1.5 px of it in 95% of images like those "
        "of the training."
    )
    detected.drag(2, (51.0, 48.0))
    cell = detected.ui.landmarkTable.item(2, 2)
    assert (cell.text(), cell.toolTip()) == ("", "")


def test_a_point_in_the_picture_has_the_colour_of_its_row(detected: Driver) -> None:
    picture = detected.ui.landmarkTable.item(3, 0).icon().pixmap(12, 12).toImage()
    assert picture.pixelColor(6, 6).name() == COLORS[3].lower()
    assert detected.glyph(COLORS[3]) == pytest.approx(PIXELS[3], abs=0.5)


def test_dragging_corrects_and_says_how_far(detected: Driver) -> None:
    detected.drag(2, (51.0, 48.0))
    x, y = detected.pixels()[2]
    assert (x, y) == pytest.approx((51.0, 48.0), abs=0.3)
    assert detected.rows[2][1] == "corrected"
    assert float(detected.rows[2][3].removesuffix(" px")) == pytest.approx(10.0, abs=0.3)
    assert detected.ui.landmarkTable.currentRow() == 2
    assert [row[1] for row in detected.rows].count("predicted") == 6


def test_a_click_on_a_point_chooses_it_and_corrects_nothing(detected: Driver) -> None:
    detected.click_view(*PIXELS[4])
    assert detected.ui.landmarkTable.currentRow() == 4
    assert [row[1] for row in detected.rows] == ["predicted"] * 7
    assert not detected.work.dirty


def test_a_click_on_a_row_centres_the_view_there(detected: Driver) -> None:
    detected.choose(3)
    assert detected.image_to_view(*PIXELS[3]) == pytest.approx([239.5, 199.5], abs=1.0)
    assert detected.ui.definitionLabel.text == "<b>Left ear</b><br>Middle of the left_ear."


def test_placing_one_jumps_to_the_next(panel: Driver) -> None:
    panel.choose(5)
    panel.bench.scene.fit_image()
    panel.click("place")
    assert "Click in the slice view: Right lip" in panel.ui.definitionLabel.text
    panel.click_view(35.0, 60.0)
    assert panel.rows[5][1] == "placed"
    assert panel.bench.scene.placing == 6
    assert "Click in the slice view: Left lip" in panel.ui.definitionLabel.text
    panel.click_view(55.0, 60.0)
    assert panel.bench.scene.placing == 0, "it goes round to what is not labelled"
    panel.click("place")
    assert panel.bench.scene.placing is None
    assert [row[1] for row in panel.rows] == ["unlabelled"] * 5 + ["placed"] * 2
    assert panel.pixels()[5] == pytest.approx((35.0, 60.0), abs=0.3)


def test_placing_a_predicted_landmark_anew_corrects_it(detected: Driver, client: FolderClient) -> None:
    detected.choose(2)
    detected.bench.scene.fit_image()
    detected.click("place")
    detected.click_view(40.0, 45.0)
    assert detected.pixels()[2] == pytest.approx((40.0, 45.0), abs=0.3)
    assert detected.rows[2][1] == "corrected"
    assert detected.bench.scene.placing is None, "every other landmark has an answer"
    detected.submit()
    assert saved_points(client, "one")["nose"][1][:2] == pytest.approx([40.0, 45.0], abs=0.3)


def test_missing_is_sent_as_missing_and_is_not_drawn(detected: Driver, client: FolderClient) -> None:
    detected.choose(6)
    detected.click("missing")
    assert detected.rows[6][1:3] == ["missing", ""]  # the network's confidence was in its place
    assert detected.pixels()[6] is None
    detected.bench.scene.fit_image()
    with pytest.raises(AssertionError, match="nothing in the picture"):
        detected.glyph(COLORS[6])
    detected.submit()
    saved = saved_points(client, "one")
    assert saved["left_lip"][0] == "missing"
    assert {status for name, (status, _) in saved.items() if name != "left_lip"} == {"defined"}


def test_a_landmark_that_the_network_calls_missing(panel: Driver, client: FolderClient) -> None:
    client.missing = ("nose",)
    panel.do("detect")
    assert panel.rows[2][1] == "missing?"
    assert panel.pixels()[2] is None


def test_accept_counts_as_corrected_without_distance(detected: Driver, client: FolderClient) -> None:
    detected.choose(0)
    detected.click("accept")
    assert detected.rows[0] == ["right eye", "accepted", "0.90  ±1.5 px", ""]
    assert detected.ui.landmarkTable.currentRow() == 1, "on to the next that nobody has looked at"
    detected.submit()
    assert client.labels["one", "final"][1]["displacement"]["right_eye"] == 0


def test_undo_and_redo_in_table_and_view(detected: Driver) -> None:
    detected.drag(2, (51.0, 48.0))
    detected.choose(0)
    detected.click("clear")
    assert detected.rows[0][1] == "unlabelled"
    detected.click("undo")
    assert detected.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)
    detected.click("undo")
    assert detected.rows[2][1] == "predicted"
    assert detected.pixels()[2] == pytest.approx(PIXELS[2], abs=1e-3)
    detected.click("redo")
    assert detected.rows[2][1] == "corrected"
    assert detected.pixels()[2] == pytest.approx((51.0, 48.0), abs=0.3)


def test_reset_to_prediction_and_back(detected: Driver) -> None:
    detected.drag(2, (51.0, 48.0))
    detected.choose(5)
    detected.click("missing")
    detected.click("reset")
    assert [row[1] for row in detected.rows] == ["predicted"] * 7
    assert detected.pixels() == [pytest.approx(pixel, abs=1e-3) for pixel in PIXELS]
    detected.click("undo")
    assert (detected.rows[2][1], detected.rows[5][1]) == ("corrected", "missing")


def test_keys_do_what_the_buttons_do(detected: Driver) -> None:
    detected.key("N")
    assert detected.ui.landmarkTable.currentRow() == 1
    detected.key("N", "shift")
    detected.key("N", "shift")
    assert detected.ui.landmarkTable.currentRow() == 6
    detected.key("M")
    assert detected.rows[6][1] == "missing"
    detected.key("Z")
    assert detected.rows[6][1] == "predicted"
    detected.key("Y")
    assert detected.rows[6][1] == "missing"
    detected.choose(5)
    detected.key("C")
    assert detected.rows[5][1] == "unlabelled"
    detected.choose(0)
    detected.key("A")
    assert detected.rows[0][1] == "accepted"
    detected.key("X")
    assert detected.bench.scene.placing is not None
    detected.key("X")
    assert detected.bench.scene.placing is None


def test_keys_rest_while_another_module_is_shown(detected: Driver) -> None:
    detected.widget.exit()
    detected.key("M")
    assert [row[1] for row in detected.rows] == ["predicted"] * 7
    detected.widget.enter()
    detected.key("M")
    assert detected.rows[0][1] == "missing"


def test_a_swapped_pair_is_told(detected: Driver) -> None:
    assert not detected.ui.warningFrame.visible
    detected.drag(0, (62.0, 24.0))
    detected.drag(1, (28.0, 24.0))
    assert detected.ui.warningFrame.visible
    assert detected.ui.warningLabel.text == "Right eye and left eye look swapped: check left and right."
    detected.click("submit")
    unseen = "5 points were not looked at: nose, left ear, right ear, right lip, ..."
    assert detected.questions[0].details == (detected.ui.warningLabel.text, unseen)
    assert detected.images["one"] == "unlabelled", "the safest answer is not to submit"


def test_a_draft_is_kept_and_opens_again(detected: Driver, client: FolderClient) -> None:
    detected.drag(2, (51.0, 48.0))
    detected.do("draft")
    assert detected.message == "one is saved as a draft."
    assert detected.images["one"] == "draft"
    assert set(client.labels) == {("one", "draft")}
    before = detected.pixels()
    detected.open("two")
    assert detected.questions == [], "nothing was unsent"
    detected.open("one")
    assert detected.pixels() == [pytest.approx(pixel, abs=1e-3) for pixel in before]
    assert [row[1] for row in detected.rows] == ["predicted"] * 2 + ["corrected"] + ["predicted"] * 4
    detected.submit()
    assert set(client.labels) == {("one", "final")}
    assert detected.images["one"] == "final"


def test_a_labelled_image_opens_again_and_is_changed(detected: Driver, client: FolderClient) -> None:
    detected.drag(2, (51.0, 48.0))
    detected.choose(6)
    detected.click("missing")
    detected.submit()
    detected.do("nextSample")
    assert detected.work.image == "two"
    detected.open("one")
    assert (detected.rows[2][1], detected.rows[6][1]) == ("corrected", "missing")
    assert detected.pixels()[2] == pytest.approx((51.0, 48.0), abs=0.3)
    assert not detected.work.dirty
    detected.drag(2, (45.0, 45.0))
    detected.submit()
    assert saved_points(client, "one")["nose"][1][:2] == pytest.approx([45.0, 45.0], abs=0.3)


@pytest.mark.parametrize("answer", ["save_draft", "keep", "discard", "stay"])
def test_leaving_with_unsent_changes_asks(detected: Driver, client: FolderClient, answer: str) -> None:
    detected.drag(2, (51.0, 48.0))
    detected.answers = [answer]
    detected.open("two")
    assert detected.questions[0].sentence.startswith("one has points that the server does not have.")
    assert detected.work.image == ("one" if answer == "stay" else "two")
    assert (("one", "draft") in client.labels) == (answer == "save_draft")
    assert detected.ui.unsentFrame.visible == (answer == "keep")
    detected.open("one")
    kept = detected.pixels()[2]
    if answer == "discard":
        assert kept is None
    else:
        assert kept == pytest.approx((51.0, 48.0), abs=0.3)


def test_what_was_not_sent_is_kept_and_sent_again(detected: Driver, client: FolderClient) -> None:
    detected.drag(2, (51.0, 48.0))
    client.failure = ServerFailed("The server failed.", 500)
    detected.submit()
    assert detected.message == "one was not sent, and its points are kept: The server failed."
    assert detected.ui.unsentLabel.text == "Not on the server yet: one"
    detected.answers = ["keep"]
    detected.open("two")
    detected.do("sendAgain")
    assert detected.message == "one is submitted."
    assert not detected.ui.unsentFrame.visible
    assert saved_points(client, "one")["nose"][1][:2] == pytest.approx([51.0, 48.0], abs=0.3)


def test_retry_in_the_message_sends_it_again(detected: Driver, client: FolderClient) -> None:
    detected.drag(2, (51.0, 48.0))
    client.failure = Unreachable("Nothing answers.")
    detected.submit()
    assert detected.ui.statusLabel.text == "http://stand-in does not answer"
    detected.do("retry")
    assert detected.message == "one is submitted."
    assert not detected.ui.retryButton.visible


def test_the_scene_file_keeps_the_work(
    detected: Driver,
    client: FolderClient,
    make_panel: Callable[..., Driver],
    tmp_path: Path,
) -> None:
    import slicer

    detected.drag(2, (51.0, 48.0))
    client.failure = Unreachable("Nothing answers.")
    detected.submit()
    scene = detected.host.scene
    bundle = str(tmp_path / "saved.mrb")
    assert scene.WriteToMRB(bundle)
    before = detected.rows, detected.pixels()
    detected.close()

    again = make_panel(lambda _address, _token: client, tmp_path)
    assert slicer.mrmlScene.ReadFromMRB(bundle)
    assert again.rows == before[0]
    assert again.pixels() == [pytest.approx(pixel, abs=1e-3) for pixel in before[1]]
    assert again.ui.unsentLabel.text == "Not on the server yet: one"
    assert again.work.dirty
    again.connect("http://stand-in")
    again.drag(5, (33.0, 66.0))
    again.submit()
    saved = saved_points(client, "one")
    assert saved["nose"][1][:2] == pytest.approx([51.0, 48.0], abs=0.3)
    assert saved["right_lip"][1][:2] == pytest.approx([33.0, 66.0], abs=0.3)
    assert not again.ui.unsentFrame.visible


def test_closing_the_scene_keeps_what_is_unsent(detected: Driver, client: FolderClient) -> None:
    detected.drag(2, (51.0, 48.0))
    detected.host.scene.Clear(False)
    detected.host.step()
    assert detected.work is None
    assert detected.message == "The scene was closed; your changes are kept."
    assert detected.ui.unsentLabel.text == "Not on the server yet: one"
    detected.open("one")
    assert detected.pixels()[2] == pytest.approx((51.0, 48.0), abs=0.3)
    detected.submit()
    assert ("one", "final") in client.labels


def test_deleted_points_come_back_and_a_deleted_image_keeps_its_work(detected: Driver) -> None:
    detected.drag(2, (51.0, 48.0))
    before = detected.pixels()
    detected.host.scene.RemoveNode(detected.bench.scene.points_node)
    assert detected.pixels() == [pytest.approx(pixel, abs=1e-3) for pixel in before]
    detected.host.scene.RemoveNode(detected.bench.scene.volume)
    assert detected.work is None
    assert detected.ui.unsentLabel.text == "Not on the server yet: one"


def test_a_loaded_volume_is_uploaded_only_with_consent(panel: Driver, client: FolderClient, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (100, 80), 90).save(tmp_path / "mine.png")
    node = panel.host.slicer.load(tmp_path / "mine.png")
    node.SetName("one")
    panel.ui.volumeSelector.setCurrentNode(node)
    panel.answers = ["stay"]
    panel.do("upload")
    assert panel.questions[0].sentence == "Send the image one to http://stand-in?"
    assert len(client.entries) == 3
    panel.answers = ["upload"]
    client.entries["one_2"] = client.entries["one"]  # of a colleague, after the list was shown
    panel.do("upload")
    assert list(client.entries) == ["one", "two", "three", "one_2", "one_3"], "no image of the same name is replaced"
    assert panel.bench.scene.volume.GetID() == node.GetID()
    panel.do("detect")
    assert panel.pixels()[0] == pytest.approx(PIXELS[0], abs=1e-3)


def test_search_and_state_narrow_the_list(detected: Driver) -> None:
    detected.submit()
    detected.ui.searchEdit.setText("T")
    assert list(detected.images) == ["two", "three"]
    detected.ui.searchEdit.setText("")
    detected.ui.stateCombo.setCurrentIndex(3)
    assert detected.images == {"one": "final"}
    assert detected.ui.studyLabel.text == "3 images: 1 final, 0 draft, 2 unlabelled"
