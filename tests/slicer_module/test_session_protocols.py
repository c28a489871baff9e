"""The session where protocols change under an open work."""

from __future__ import annotations

import pytest
from LandmarkDetectionLib.errors import BadAnswer, WrongDefinition
from LandmarkDetectionLib.work import jobs
from session_desk import Desk, changed_protocol
from session_parts import PROTOCOL, TASK, answer, info_document, lps


def test_older_protocol_than_the_open_work_stops_everything_but_loses_nothing(desk: Desk) -> None:
    work = desk.open()
    desk.detect()
    work.accept_all()
    points = work.points
    desk.client.document = changed_protocol()
    sentence = desk.session.refresh(jobs.refresh(desk.client))
    assert "lacks right_lip, left_lip" in sentence
    assert sentence.endswith(".")
    assert sentence == desk.session.why_not_submit() == desk.session.why_not_detect()
    assert (desk.session.work.points, desk.session.task) == (points, TASK)
    with pytest.raises(BadAnswer, match="lacks right_lip"):
        desk.session.submission()


def test_protocol_that_changed_unseen_is_noticed_before_sending(desk: Desk) -> None:
    work = desk.open()
    work.point_placed(0, lps(1.0, 1.0))
    desk.client.document = changed_protocol()
    assert "lacks right_lip, left_lip" in desk.send()
    assert desk.client.labels == {}
    assert len(desk.session.unsent) == 1


def test_prediction_of_a_changed_protocol_is_refused(desk: Desk) -> None:
    work = desk.open()
    short = answer()
    desk.client.answers["one"] = {**short, "landmarks": short["landmarks"][:5]}
    with pytest.raises(WrongDefinition, match="now has the landmarks"):
        desk.detect()
    assert work.empty


def test_server_without_the_open_protocol(desk: Desk) -> None:
    desk.open().point_placed(0, lps(1.0, 1.0))
    desk.client.document = info_document({"foot": {**PROTOCOL, "name": "foot"}})
    assert "does not have the protocol head (it has foot)" in desk.session.refresh(jobs.refresh(desk.client))
    assert desk.session.work is not None
    desk.session.keep_unsent()
    desk.session.close_image()
    desk.session.update_info(desk.client.info())
    assert desk.session.task.name == "foot"


def test_unsent_work_of_an_older_protocol_is_not_mixed_with_the_new(desk: Desk) -> None:
    desk.open().point_placed(6, lps(1.0, 1.0))
    desk.session.keep_unsent()
    desk.session.close_image()
    desk.client.document = changed_protocol()
    desk.session.refresh(jobs.refresh(desk.client))
    work = desk.open()
    assert (len(work), work.empty) == (5, True)
    work.point_placed(0, lps(2.0, 2.0))
    desk.session.keep_unsent()
    assert [len(item.record.points) for item in desk.session.unsent] == [7, 5]


def test_label_for_another_server_than_the_image_came_from_is_asked_about(desk: Desk) -> None:
    desk.open()
    desk.detect()
    assert desk.session.question_before_submitting() is None
    desk.session.connect("http://other", jobs.refresh(desk.client))
    detail, unseen = desk.session.question_before_submitting().details
    assert "came from http://stand-in" in detail
    assert unseen == "7 points were not looked at: right eye, left eye, nose, left ear, ..."


def test_protocol_can_be_changed(desk: Desk) -> None:
    desk.client.document = info_document({"head": PROTOCOL, "foot": {**PROTOCOL, "name": "foot"}})
    desk.session.refresh(jobs.refresh(desk.client))
    work = desk.open()
    desk.session.choose_task("head")
    assert desk.session.work is work
    desk.session.choose_task("foot")
    assert (desk.session.work, desk.session.task.name) == (None, "foot")
    with pytest.raises(BadAnswer, match="ear"):
        desk.session.choose_task("ear")


# In the scene
