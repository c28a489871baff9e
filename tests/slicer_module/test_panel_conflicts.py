"""A label that somebody else saves between the opening of an image and the sending of one's own points."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from folder_client import PHOTO, FolderClient
from LandmarkDetectionLib.errors import Overtaken, TimedOut
from LandmarkDetectionLib.server.geometry import Geometry
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.label_document import label_bytes, read_label
from LandmarkDetectionLib.work.records import WorkRecord
from panel_driver import Driver
from PIL import Image
from scene_fixture import slicer
from session_parts import TASK

MINE, THEIRS = (51.0, 48.0), (40.0, 44.0)


@pytest.fixture
def driver(connected: Driver) -> Driver:
    """Ada has opened "one", let the network find its points and moved the third."""
    connected.ui.annotatorEdit.setText("Ada")
    connected.open("one")
    connected.do("detect")
    connected.drag(2, MINE)
    return connected


def save_as(client: FolderClient, annotator: str, tag: str = "final", third: tuple[float, float] = THEIRS) -> None:
    """Saves a label of "one" as another program does."""
    states = client._states(client.infer("head", "one").document)
    states[2] = states[2].at((*third, 0.0))
    client.save_label("one", label_bytes(states, PHOTO), {"protocol": "head", "annotator": annotator}, tag)


def third_point(client: FolderClient, tag: str = "final") -> tuple[float, float]:
    """The third point of the server's label of "one", in pixels."""
    return read_label(client.labels["one", tag][0], TASK, PHOTO)[2].position[:2]


def near(pixel: tuple[float, float]) -> object:
    return pytest.approx(pixel, abs=0.3)


@pytest.mark.parametrize(("tag", "words"), [("final", "Grace submitted one"), ("draft", "Grace saved a draft of one")])
def test_a_label_of_somebody_else_is_not_replaced_unasked(
    driver: Driver, client: FolderClient, tag: str, words: str
) -> None:
    save_as(client, "Grace", tag)
    driver.submit()
    (question,) = driver.questions
    assert re.fullmatch(rf"{words} after you opened it \(2023-11-1\d \d\d:\d\d\)\.", question.sentence)
    assert question.choices[0] == "keep"
    assert third_point(client, tag) == near(THEIRS)
    assert driver.message.startswith(f"one was not sent, and its points are kept: {words}")
    assert driver.pixels()[2] == near(MINE)
    assert driver.ui.unsentLabel.text == "Not on the server yet: one"


def test_it_is_replaced_where_the_person_wants_so(driver: Driver, client: FolderClient) -> None:
    save_as(client, "Grace")
    driver.answers = ["replace"]
    driver.submit()
    assert driver.message == "one is submitted."
    assert third_point(client) == near(MINE)
    assert [version.user for version in client.label_versions("one", "final")] == ["Grace"]
    assert (driver.work.dirty, driver.bench.session.unsent) == (False, ())
    driver.drag(2, (53.0, 49.0))  # the next one is a change of one's own label
    driver.submit()
    assert (len(driver.questions), third_point(client)) == (1, near((53.0, 49.0)))


def test_it_is_shown_where_the_person_gives_way(driver: Driver, client: FolderClient) -> None:
    save_as(client, "Grace")
    driver.answers = ["discard"]
    driver.submit()
    driver.idle()
    assert driver.pixels()[2] == near(THEIRS)
    assert (driver.work.dirty, driver.bench.session.unsent) == (False, ())
    assert third_point(client) == near(THEIRS)


def test_points_of_an_image_that_was_replaced_are_shown_on_the_new_one_on_wish_alone(
    connected: Driver, client: FolderClient
) -> None:
    client.revision = "former"
    connected.open("one")
    connected.do("detect")
    connected.drag(2, MINE)
    connected.do("draft")
    connected.drag(2, THEIRS)
    client.revision = "present"
    connected.submit()
    assert connected.message == (
        "one was not sent, and its points are kept: The image 'one' was replaced after it was opened: open it anew."
    )
    connected.answers = ["keep", "keep"]
    connected.open("one")
    assert connected.questions[-1].sentence == (
        "one was replaced after its unsent points were placed. Show them on the image as it is now?"
    )
    assert connected.message == "The label of one was made on the image that it was before: check each point."
    assert (connected.pixels()[2], connected.ui.unsentLabel.text) == (near(MINE), "Not on the server yet: one")
    connected.do("sendAgain")
    assert ("one", "final") not in client.labels
    connected.answers = ["show"]
    connected.open("one")
    assert connected.pixels()[2] == near(THEIRS)
    connected.submit()
    assert (third_point(client), connected.bench.session.unsent) == (near(THEIRS), ())
    assert client.labels["one", "final"][1]["image_revision"] == "present"


def test_a_later_label_is_asked_about_again(driver: Driver, client: FolderClient) -> None:
    save_as(client, "Grace")
    driver.submit()
    driver.answers = ["replace"]
    driver.do("sendAgain")
    assert third_point(client) == near(MINE)
    save_as(client, "Alan", third=(42.0, 40.0))
    driver.drag(2, (53.0, 49.0))
    driver.submit()
    assert [question.sentence.split()[0] for question in driver.questions] == ["Grace", "Grace", "Alan"]
    assert third_point(client) == near((42.0, 40.0))


@pytest.mark.parametrize("name", ["Ada", ""])
def test_own_labels_are_no_conflict(
    driver: Driver, client: FolderClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    driver.ui.annotatorEdit.setText(name)  # without one the server lists the label as that of its own user
    driver.do("draft")
    driver.drag(2, (53.0, 49.0))
    save = client.save_label

    def answer_lost(*args: object, **kwargs: object) -> dict:
        save(*args, **kwargs)
        raise TimedOut("The server took too long.")

    monkeypatch.setattr(client, "save_label", answer_lost)
    driver.submit()
    assert driver.message == "one was not sent, and its points are kept: The server took too long."
    monkeypatch.undo()
    driver.do("retry")
    assert (driver.message, driver.questions) == ("one is submitted.", [])
    assert third_point(client) == near((53.0, 49.0))


def test_the_same_points_by_somebody_else_are_a_conflict(driver: Driver, client: FolderClient) -> None:
    submission = driver.bench.session.submission()
    client.save_label("one", submission.markups, {"protocol": "head", "annotator": "Grace"})
    with pytest.raises(Overtaken, match=r"^Grace submitted one after you opened it"):
        jobs.send(client, submission)
    client.save_label("one", submission.markups, {"protocol": "head", "annotator": "ADA"})
    jobs.send(client, submission)
    assert client.labels["one", "final"][1]["annotator"] == "Ada"


def test_a_label_that_was_deleted_is_no_conflict(driver: Driver, client: FolderClient) -> None:
    save_as(client, "Grace")
    driver.answers = ["discard"]
    driver.open("two")
    driver.open("one")
    assert driver.work.record().labels == {"final": 1_700_000_001}
    del client.labels["one", "final"]
    driver.drag(2, MINE)
    driver.submit()
    assert (driver.message, len(driver.questions)) == ("one is submitted.", 1)


def test_what_was_seen_is_kept_with_the_scene(driver: Driver, client: FolderClient) -> None:
    assert driver.work.record().labels == {}
    save_as(client, "Grace")
    driver.answers = ["keep"]
    driver.open("two")
    kept = driver.bench.session.unsent[0].record
    assert WorkRecord.from_json(kept.to_json()).labels == {}
    driver.answers = ["replace"]
    driver.open("one")
    driver.submit()
    assert [question.choices[1] for question in driver.questions] == ["keep", "replace"]
    assert third_point(client) == near(MINE)


def test_a_scene_of_a_former_version_is_not_asked_about(driver: Driver, client: FolderClient) -> None:
    save_as(client, "Grace")
    driver.work.labels = None
    assert "labels" not in driver.work.record().to_json()
    driver.submit()
    assert (driver.questions, third_point(client)) == ([], near(MINE))


def test_unsent_points_are_not_shown_on_an_image_of_another_size(
    driver: Driver, client: FolderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.answers = ["keep"]
    driver.open("two")

    def wider(_image: str, folder: Path) -> Path:
        Image.new("L", (200, 80), 30).save(folder / "one.png")
        return folder / "one.png"

    monkeypatch.setattr(client, "download_image", wider)
    monkeypatch.setattr(client, "frame", lambda _image: Geometry(size=(200, 80)))
    driver.open("one")
    assert driver.message == "Unsent points of one were placed on an image of another size: they are kept, not shown."
    assert (driver.work.empty, len(driver.bench.session.unsent)) == (True, 1)
    monkeypatch.undo()
    driver.open("two")
    driver.open("one")
    assert driver.pixels()[2] == near(MINE)


def test_readers_are_told_apart_as_the_server_does(connected: Driver, client: FolderClient) -> None:
    client.document["readers"] = 2
    connected.ui.annotatorEdit.setText("Ada")
    connected.ui.annotatorEdit.editingFinished.emit()
    connected.do("connect")
    connected.open("one")
    connected.do("detect")
    connected.drag(2, MINE)
    connected.ui.annotatorEdit.setText("ADA")
    connected.submit()
    assert connected.message == "one is submitted."


def test_retry_sends_what_the_person_sent_to_another_server(
    make_panel: Callable[..., Driver], client: FolderClient
) -> None:
    other = FolderClient()
    other.url = "http://other-study"
    driver = make_panel(lambda address, _token: other if address == other.url else client)
    driver.connect(client.url)
    driver.open("one")
    driver.do("detect")
    driver.drag(2, MINE)
    driver.connect(other.url)
    driver.answers = ["submit"]
    save = other.save_label

    def away(*_args: object, **_kwargs: object) -> dict:
        raise TimedOut("The server took too long.")

    other.save_label = away
    driver.submit()
    assert driver.message == "one was not sent, and its points are kept: The server took too long."
    other.save_label = save
    driver.do("retry")
    assert (driver.message, third_point(other)) == ("one is submitted.", near(MINE))


def test_the_tables_show_the_label_that_an_image_has_when_it_is_opened_anew(
    driver: Driver, client: FolderClient
) -> None:
    driver.submit()
    driver.open("one")
    assert driver.rows[2][1] == "corrected"
    states = client._states(client.infer("head", "one").document)
    states[2] = states[2].as_missing()
    client.save_label("one", label_bytes(states, PHOTO), {"protocol": "head", "annotator": "Grace"})
    driver.open("one")
    assert (driver.work.revision, driver.rows[2][1]) == (0, "missing")


def test_importing_another_scene_leaves_the_work_as_it_is(driver: Driver, tmp_path: Path) -> None:
    other = slicer.vtkMRMLScene()
    other.AddNode(slicer.vtkMRMLModelNode())
    other.SetURL(str(tmp_path / "other.mrml"))
    other.Commit(str(tmp_path / "other.mrml"))
    words = driver.work.undo_words
    slicer.mrmlScene.SetURL(str(tmp_path / "other.mrml"))
    slicer.mrmlScene.Import()
    driver.host.step()
    assert (driver.work.undo_words, driver.bench.session.unsent) == (words, ())
    assert driver.pixels()[2] == near(MINE)


def test_importing_a_scene_of_another_version_leaves_the_work_on_its_image(driver: Driver, tmp_path: Path) -> None:
    state, volume = driver.bench.scene.stored_values()["Session"], driver.bench.scene.volume
    driver.bench.scene.save_state({"Session": state.replace('"format": 1', '"format": 2')})
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "other.mrb"))
    driver.bench.scene.save_state({"Session": state})
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "other.mrb"), False)
    assert driver.message == "The scene's landmark work was saved by another version of the module: use that version."
    assert (driver.bench.scene.volume, driver.work.image) == (volume, "one")
    driver.do("undo")
    assert [row[1] for row in driver.rows] == ["predicted"] * 7
    assert slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")[0].GetNodeReference("Image") == volume


def test_detecting_all_lists_the_images_as_the_reader_sees_them(connected: Driver, client: FolderClient) -> None:
    asked = []
    connected.bench.client = _client_of("Ada", asked)
    connected.bench.observer = _client_of("", asked)
    connected.do("detectAll")
    connected.host.wait(lambda: not connected.panel.batch.running and "Ada" in asked, 20, "the list")
    assert asked == ["Ada"]


def _client_of(annotator: str, asked: list[str]) -> FolderClient:
    """A client whose lists are noted with its reader."""
    client = FolderClient()
    client.annotator, images = annotator, client.images
    client.images = lambda *args: (asked.append(annotator), images(*args))[1]
    return client
