"""Unsent work beside open work that does not come from it: neither is sent, kept or discarded in the other's place."""

from __future__ import annotations

import pytest
from LandmarkDetectionLib.errors import TimedOut
from LandmarkDetectionLib.server.prediction import DEFINED
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.label_document import read_label
from session_desk import FOLDER, Desk
from session_parts import GEOMETRY, TASK, lps

KEPT, LABEL, LATER = lps(7.0, 7.0), lps(50.0, 40.0), lps(60.0, 60.0)


def first_point(desk: Desk) -> tuple[float, float, float]:
    """The first point of the final label that the server has."""
    point = read_label(desk.client.labels["one", "final"][0], TASK, GEOMETRY)[0]
    assert point.status == DEFINED
    return point.position


@pytest.fixture
def beside(desk: Desk) -> Desk:
    """A label, unsent changes of it, and the label as it was put back, which is open."""
    desk.open("one").point_placed(0, LABEL)
    assert desk.send() == ""
    desk.clock.now += 2
    desk.session.work.point_moved(0, KEPT)
    desk.session.keep_unsent()
    opened = jobs.open_image(desk.client, TASK, desk.session.images.get("one"), FOLDER)
    assert desk.session.open(opened, unsent_first=False)[0].position == LABEL
    return desk


def unsent_points(desk: Desk) -> list[tuple[float, float, float] | None]:
    return [item.record.points[0].position for item in desk.session.unsent]


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_kept_is_what_is_sent_again(beside: Desk, fails: bool) -> None:
    submission = beside.session.retry(beside.session.unsent[0])
    assert submission.points[0].position == KEPT
    if fails:
        beside.session.not_sent(submission, TimedOut("The server took too long."))
        assert unsent_points(beside) == [KEPT]
        submission = beside.session.retry(beside.session.unsent[0])
    beside.session.sent(jobs.send(beside.client, submission))
    assert unsent_points(beside) == []
    assert beside.session.work[0].position == LABEL
    assert beside.session.work.dirty, "the server has the other one now"


@pytest.mark.parametrize("through_scene", [False, True])
def test_both_are_kept_and_opened_one_after_the_other(beside: Desk, through_scene: bool) -> None:
    beside.clock.now += 60  # more than was spent on the kept one
    beside.session.work.point_moved(0, LATER)
    beside.session.keep_unsent()
    assert unsent_points(beside) == [KEPT, LATER]
    beside.session.close_image()
    if through_scene:
        text, images, beside.session = beside.session.to_json(), beside.session.images, Desk().session
        beside.session.images = images
        beside.session.restore(text)
    assert beside.open("one")[0].position == LATER
    assert beside.send() == ""
    assert (first_point(beside), unsent_points(beside)) == (LATER, [KEPT])
    beside.session.close_image()
    assert beside.open("one")[0].position == KEPT
    beside.clock.now += 2
    beside.session.work.point_moved(0, lps(8.0, 8.0))
    beside.session.keep_unsent()
    assert unsent_points(beside) == [lps(8.0, 8.0)], "it goes on"


def test_discarding_the_open_work_leaves_what_was_kept(beside: Desk) -> None:
    beside.session.work.point_moved(0, LATER)
    beside.session.discard()
    assert beside.open("one")[0].position == KEPT


def test_work_of_a_scene_on_the_same_image_leaves_what_was_changed_outside_the_module(desk: Desk) -> None:
    work = desk.open("one")
    work.point_placed(0, LATER)
    work.pause()  # the module is left, and another one moves the point
    text = desk.session.to_json()
    work.point_moved(0, KEPT)
    desk.session.restore(text)
    desk.session.keep_unsent()
    assert unsent_points(desk) == [KEPT, LATER]
