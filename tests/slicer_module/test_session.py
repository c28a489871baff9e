"""The session: what is asked before work could be lost, what is kept when sending fails, what fits which server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from LandmarkDetectionLib.errors import BadAnswer, Cancelled, Refused, TimedOut, Unreachable, WrongDefinition
from LandmarkDetectionLib.server.images import ImageEntry, LabelInfo
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.question import DISCARD, KEEP, SAVE_DRAFT, STAY, SUBMIT
from LandmarkDetectionLib.work.session import Session
from session_desk import FOLDER, Desk, changed_protocol
from session_parts import TASK, StandInClient, answer, counts, info_document, lps


def test_connecting_shows_what_the_server_has(desk: Desk) -> None:
    session = desk.session
    assert (session.connected, session.task, len(session.images)) == (True, TASK, 2)
    assert (session.model.version, session.model.labels_used, session.train_stats.status) == ("v1", 9, "never")
    assert session.info.strategies == {"first": "The first image"}
    assert session.info.train_options["head"]["max_epochs"] == 60


def test_the_whole_way(desk: Desk) -> None:
    work = desk.open()
    assert desk.session.why_not_detect() == ""
    desk.clock.now += 3
    assert desk.detect()
    assert counts(work) == {"predicted": 7}
    work.point_moved(0, lps(31.0, 20.0))
    desk.clock.now += 4
    assert desk.session.question_before_submitting() is None
    assert desk.send() == ""
    assert (work.dirty, work.saved_tag, desk.session.entry.state) == (False, "final", "final")
    assert desk.session.images.counts == {"unlabeled": 1, "final": 1}
    _, info = desk.client.labels["one", "final"]
    assert (info["seconds"], info["displacement"]["right_eye"]) == (7.0, 0.5)
    assert desk.client.calls[-3:] == ["info", "images", "save_label"]
    again = desk.open()
    assert again is not work
    assert again.points == work.points


def test_sentences_before_there_is_anything_to_do() -> None:
    session = Session()
    assert session.why_not_detect() == session.why_not_submit().split(";")[0] + "." == "Connect to a server first."
    session.connect("http://x", jobs.refresh(StandInClient()))
    assert session.why_not_detect() == session.why_not_submit() == "Open an image first."
    with pytest.raises(BadAnswer, match="Open an image first"):
        session.submission()
    assert session.question_before_leaving() is None


def test_task_without_a_network_or_image_without_server_cannot_detect(desk: Desk) -> None:
    work = desk.open()
    desk.client.document = info_document(models={})
    desk.session.update_info(desk.client.info())
    assert "no trained network yet" in desk.session.why_not_detect()
    work.image = "elsewhere"
    assert "upload it first" in desk.session.why_not_detect()


MATCHED = {"model_version": "first-labels", "message": "No network yet: labels are matched.", "training": {}}


def test_the_first_label_opens_auto_detect_without_a_network(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.client.document = info_document(models={})
    desk.session.update_info(desk.client.info())
    desk.open().point_placed(0, lps(1.0, 1.0))
    assert desk.send("draft") == ""
    assert desk.client.calls.count("info") == 3  # the connection's, this test's, and the one before the draft
    save = desk.client.save_label

    def save_label(*args: Any, **kwargs: Any) -> dict[str, Any]:
        desk.client.document = info_document(models={"head": MATCHED})
        return save(*args, **kwargs)

    monkeypatch.setattr(desk.client, "save_label", save_label)
    assert "no trained network yet" in desk.session.why_not_detect()
    assert desk.send() == ""
    assert desk.session.why_not_detect() == ""
    assert (desk.session.model.version, desk.session.model.message) == ("first-labels", MATCHED["message"])


def test_a_label_that_was_stored_is_sent_even_if_the_server_falls_silent_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.client.document = info_document(models={})
    desk.open().point_placed(0, lps(1.0, 1.0))
    save = desk.client.save_label

    def save_label(*args: Any, **kwargs: Any) -> dict[str, Any]:
        info = save(*args, **kwargs)
        desk.client.failure = Unreachable("The server does not answer.")
        return info

    monkeypatch.setattr(desk.client, "save_label", save_label)
    assert desk.send() == ""
    assert desk.session.unsent == ()
    assert ("one", "final") in desk.client.labels


def test_leaving_asks_only_where_something_would_be_lost(desk: Desk) -> None:
    work = desk.open()
    desk.detect()
    assert desk.session.question_before_leaving() is None
    work.mark_missing(2)
    question = desk.session.question_before_leaving()
    assert question.choices == (SAVE_DRAFT, KEEP, DISCARD, STAY)
    assert "one" in question.sentence
    desk.session.disconnect()
    assert SAVE_DRAFT not in desk.session.question_before_leaving().choices


def test_work_that_was_kept_opens_again_with_its_image(desk: Desk) -> None:
    work = desk.open()
    desk.detect()
    work.mark_missing(2)
    points = work.points
    desk.clock.now += 10
    desk.session.keep_unsent()
    desk.open("two")
    desk.clock.now += 100
    assert [item.image for item in desk.session.unsent] == ["one"]
    again = desk.open("one")
    assert (again.points, again.seconds, again.dirty) == (points, 10.0, True)
    assert desk.send() == ""
    assert desk.session.unsent == ()


def test_discarded_work_does_not_come_back(desk: Desk) -> None:
    desk.open().mark_missing(2)
    desk.session.keep_unsent()
    desk.open().mark_missing(3)
    desk.session.discard()
    assert (desk.session.work, desk.session.unsent) == (None, ())
    assert desk.open().empty


@pytest.mark.parametrize(
    "error", [Unreachable("Gone."), TimedOut("Slow."), Refused("No.", 400), WrongDefinition("Other.")]
)
def test_failed_submit_loses_nothing_and_can_be_tried_again(desk: Desk, error: Exception) -> None:
    work = desk.open()
    desk.detect()
    work.point_moved(0, lps(1.0, 1.0))
    desk.client.failure = error
    assert desk.send() == f"one was not sent, and its points are kept: {error}"
    assert (work.dirty, desk.client.labels) == (True, {})
    (unsent,) = desk.session.unsent
    assert (unsent.tag, unsent.reason, unsent.record.points) == ("final", str(error), work.points)
    # What is done in between goes with it.
    work.mark_missing(2)
    desk.session.sent(jobs.send(desk.client, desk.session.retry(unsent)))
    assert (work.dirty, desk.session.unsent) == (False, ())
    assert b"missing" in desk.client.labels["one", "final"][0]


def test_failed_submit_can_be_tried_again_after_its_image_was_left(desk: Desk) -> None:
    work = desk.open()
    work.point_placed(0, lps(1.0, 1.0))
    desk.client.failure = Unreachable("Gone.")
    desk.send()
    desk.open("two")
    submission = desk.session.retry(desk.session.unsent[0])
    desk.session.sent(jobs.send(desk.client, submission))
    assert ("one", "final") in desk.client.labels
    assert desk.session.unsent == ()
    assert desk.session.work.image == "two"
    assert desk.session.work.saved_tag is None


def test_cancelled_submit_says_nothing_and_keeps_all(desk: Desk) -> None:
    desk.open().point_placed(0, lps(1.0, 1.0))
    desk.client.failure = Cancelled("The request was cancelled.")
    assert desk.send() == ""
    assert len(desk.session.unsent) == 1


def test_what_is_done_while_a_label_is_on_its_way_stays_unsent(desk: Desk) -> None:
    work = desk.open()
    work.point_placed(0, lps(1.0, 1.0))
    sent = jobs.send(desk.client, desk.session.submission())
    work.point_moved(0, lps(2.0, 2.0))
    desk.session.sent(sent)
    assert work.dirty
    work.undo()
    assert not work.dirty


def test_prediction_that_comes_too_late_is_dropped(desk: Desk) -> None:
    desk.open("one")
    detected = jobs.detect(desk.client, TASK, "one")
    work = desk.open("two")
    assert desk.session.detected(detected) is False
    assert work.empty
    desk.session.close_image()
    assert desk.session.detected(detected) is False


def test_draft_is_reopened_before_the_final_label(desk: Desk) -> None:
    work = desk.open()
    desk.detect()
    work.accept_all()
    desk.send("final")
    work.mark_missing(2)
    assert desk.send("draft") == ""
    assert desk.session.entry.state == "final"
    assert set(desk.session.entry.labels) == {"final", "draft"}
    again = desk.open()
    assert (again.saved_tag, again[2].status) == ("draft", "missing")
    desk.send("final")
    assert set(desk.session.entry.labels) == {"final"}
    assert desk.session.images.counts["final"] == 1


def test_draft_may_be_empty_and_a_final_label_not(desk: Desk) -> None:
    desk.open()
    assert "save a draft" in desk.session.why_not_submit("final")
    assert desk.session.why_not_submit("draft") == ""


def test_submitting_asks_about_gaps_and_swapped_pairs(desk: Desk) -> None:
    work = desk.open()
    desk.client.answers["one"] = answer(unsure=("nose", "left_lip"))
    desk.detect()
    first, second = work[0].position, work[1].position
    work.point_moved(0, second)
    work.point_moved(1, first)
    question = desk.session.question_before_submitting()
    assert question.choices == (STAY, SUBMIT, SAVE_DRAFT)
    assert [detail.split(":")[0] for detail in question.details] == [
        "Right eye and left eye look swapped",
        "Not labelled",
        "3 points were not looked at",
    ]
    assert "left lip" in question.details[1]
    assert "nose" not in question.details[1]  # it is optional


def test_label_that_went_meanwhile_opens_as_unlabelled(desk: Desk) -> None:
    entry = ImageEntry("one", "final", "one.png", labels={"final": LabelInfo("final", "head")})

    def gone(*_: Any) -> Any:
        raise Refused("It has no label.", 404)

    desk.client.label_info = gone
    opened = jobs.open_image(desk.client, TASK, entry, FOLDER)
    assert desk.session.open(opened).empty


def test_label_of_another_protocol_is_left_alone_with_a_notice(desk: Desk) -> None:
    entry = ImageEntry("one", "final", "one.png", labels={"final": LabelInfo("final", "foot")})
    opened = jobs.open_image(desk.client, TASK, entry, FOLDER)
    assert opened.notice == "one has a final label of the protocol foot: choose that to open it."
    assert "download_label" not in desk.client.calls


def test_stored_proposal_opens_as_prediction(desk: Desk) -> None:
    desk.open()
    desk.detect()
    label = desk.session.submission("draft").markups
    desk.client.labels["one", "original"] = (label, {"model": "head", "model_version": "v1"})
    entry = ImageEntry("one", "unlabeled", "one.png", labels={"original": LabelInfo("original", "head")})
    work = desk.session.open(jobs.open_image(desk.client, TASK, entry, FOLDER))
    assert (counts(work), work.dirty, work.model_version) == ({"predicted": 7}, False, "v1")
    assert (work[0].confidence, work[0].radius) == (pytest.approx(0.9), None)
    bare = desk.session.open(jobs.open_image(desk.client, TASK, entry, FOLDER, suggestion=False))
    assert bare.empty


@pytest.mark.parametrize(
    ("change", "radius"),
    [({}, 1.5), ({"unit": "px", "spacing": [1, 1]}, 1.5), ({"spacing": [1.0, 4.0]}, 0.75), ({"landmarks": []}, None)],
)
def test_stored_proposal_has_all_that_the_network_said(desk: Desk, change: dict[str, Any], radius: float) -> None:
    desk.open()
    desk.detect()
    label = desk.session.submission("draft").markups
    document = {**desk.client.answers["one"], "unfamiliar": {"distance": 9.0}, **change}
    info = {"model": "head", "model_version": "v1", "params": document}
    desk.client.labels["one", "original"] = (label, info)
    entry = ImageEntry("one", "unlabeled", "one.png", labels={"original": LabelInfo("original", "head")})
    opened = jobs.open_image(desk.client, TASK, entry, FOLDER)
    point = opened.record.points[0]
    assert (point.radius, point.coverage) == (radius and pytest.approx(radius), radius and 0.95)
    sentence = "This image is unlike those that the model was trained on; check every point."
    assert opened.notice == (sentence if radius else "")
    info["params"]["landmarks"] = [{**item, "position": [0, 0, 0]} for item in document["landmarks"]]
    moved = jobs.open_image(desk.client, TASK, entry, FOLDER).record.points[0]
    assert (moved.position, moved.radius) == (lps(30.0, 20.0), None), "it was mapped to another image since"


# Servers that mean something else


def test_scene_keeps_open_and_unsent_work(desk: Desk) -> None:
    desk.open("two").point_placed(0, lps(2.0, 2.0))
    desk.session.keep_unsent()
    work = desk.open("one")
    work.point_placed(1, lps(1.0, 1.0))
    text = desk.session.to_json()
    assert "token" not in text.lower()
    fresh = Session(desk.clock)
    assert fresh.restore(text) == ""
    assert (fresh.work.points, fresh.work.dirty, fresh.task) == (work.points, True, TASK)
    assert (fresh.server, fresh.connected) == ("http://stand-in", False)
    assert fresh.unsent == desk.session.unsent
    older = json.dumps({**json.loads(text), "task": "head"})  # scenes once named the protocol, too
    again = Session(desk.clock)
    assert again.restore(older) == ""
    assert (again.work.points, again.unsent) == (work.points, desk.session.unsent)
    fresh.connect("http://stand-in", jobs.refresh(desk.client))
    assert fresh.why_not_submit() == ""


def test_scene_that_is_closed_or_replaced_keeps_unsent_work(desk: Desk) -> None:
    text = desk.session.to_json()
    desk.open().point_placed(1, lps(1.0, 1.0))
    desk.session.scene_closed()
    assert (desk.session.work, [item.image for item in desk.session.unsent]) == (None, ["one"])
    desk.session.restore(text)
    other = Desk()
    other.open("two")
    desk.open("one")
    desk.session.restore(other.session.to_json())
    assert (desk.session.work.image, [item.image for item in desk.session.unsent]) == ("two", ["one"])


def test_restored_work_that_does_not_fit_the_server_is_kept_and_named(desk: Desk) -> None:
    desk.open().point_placed(1, lps(1.0, 1.0))
    text = desk.session.to_json()
    desk.session.close_image()
    desk.client.document = changed_protocol()
    desk.session.refresh(jobs.refresh(desk.client))
    assert "lacks right_lip" in desk.session.restore(text)
    assert desk.session.work is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"format": 1, "unsent": []}'])
def test_damaged_scene_changes_nothing(desk: Desk, text: str) -> None:
    work = desk.open()
    with pytest.raises(BadAnswer):
        desk.session.restore(text)
    assert desk.session.work is work


def test_time_stands_still_while_no_image_is_open(desk: Desk) -> None:
    work = desk.open()
    desk.clock.now += 5
    desk.session.close_image()
    desk.clock.now += 50
    assert work.seconds == 5


def test_images_are_found_by_words_and_state(desk: Desk) -> None:
    images = desk.session.images
    assert [entry.id for entry in images.filtered("PNG one")] == ["one"]
    assert [entry.id for entry in images.filtered(states=("final",))] == []
    assert len(images.filtered("")) == 2
    assert images.get("three") is None


def test_a_scene_of_an_earlier_version_opens_with_its_work() -> None:
    text = (Path(__file__).parent / "saved_session.json").read_text()
    session = Session()
    assert session.restore(text) == ""
    assert (session.work.server, session.work.image, session.work.saved_tag) == ("http://stand-in", "two", "draft")
    assert [point.status for point in session.work.points] == ["unlabelled"] * 4 + ["placed"] * 2 + ["unlabelled"]
    assert (session.work[4].position, session.work.dirty) == (lps(5.25, 30.0), True)
    (left,) = session.unsent
    assert (left.image, left.tag, left.reason, left.record.seconds) == ("one", "draft", "Nothing answers.", 12.5)
    statuses = [point.status for point in left.record.points]
    assert statuses == ["corrected", "corrected", "missing", "unlabelled", *["predicted"] * 3]
    assert [point.confirmed for point in left.record.points[:3]] == [False, True, False]
    assert (left.record.points[0].position, left.record.points[0].predicted) == (lps(31.0, 20.5), lps(30.0, 20.0))
    assert plain(session.to_json()) == plain(text)


def plain(text: str) -> dict[str, Any]:
    """What the text of a scene holds, with the texts inside it."""
    entry = json.loads(text)
    unsent = [{**item, "record": json.loads(item["record"])} for item in entry["unsent"]]
    return {**entry, "work": json.loads(entry["work"]), "unsent": unsent}
