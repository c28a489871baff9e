"""Work that goes on while its label is sent, while a prediction is made, or while another scene is opened."""

from __future__ import annotations

from dataclasses import replace

import pytest
from LandmarkDetectionLib.errors import TimedOut
from LandmarkDetectionLib.server.geometry import Geometry
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.records import Submission, WorkRecord
from session_desk import Desk
from session_parts import GEOMETRY, TASK, counts, lps, predicted_work, prediction

OLD, NEW = lps(31.0, 21.0), lps(40.0, 25.0)


def work_on(desk: Desk) -> Submission:
    """Moves a point, makes a submission of it, moves it again two seconds later, and leaves the image."""
    work = desk.open()
    desk.detect()
    work.point_moved(0, OLD)
    submission = desk.session.submission()
    desk.clock.now += 2
    work.point_moved(0, NEW)
    desk.session.keep_unsent()
    desk.open("two")
    return submission


def test_changes_made_while_a_label_is_sent_stay_unsent(desk: Desk) -> None:
    submission = work_on(desk)
    desk.session.sent(jobs.send(desk.client, submission))
    (kept,) = desk.session.unsent
    assert (kept.image, kept.record.points[0].position, kept.record.saved_tag) == ("one", NEW, "final")
    work = desk.open()
    assert (work[0].position, work.dirty) == (NEW, True)
    assert desk.send() == ""
    assert desk.session.unsent == ()


def test_changes_made_while_a_label_was_sent_in_vain_stay(desk: Desk) -> None:
    submission = work_on(desk)
    sentence = desk.session.not_sent(submission, TimedOut("The server took too long."))
    assert sentence == "one was not sent, and its points are kept: The server took too long."
    assert [item.record.points[0].position for item in desk.session.unsent] == [NEW]


def test_a_label_that_was_sent_leaves_nothing_unsent(desk: Desk) -> None:
    work = desk.open()
    desk.detect()
    work.point_moved(0, OLD)
    desk.session.keep_unsent()
    desk.clock.now += 2
    work.point_moved(0, NEW)
    assert desk.send() == ""
    assert desk.session.unsent == ()


@pytest.mark.parametrize("left", [False, True])
def test_an_older_scene_does_not_take_the_place_of_newer_work(desk: Desk, left: bool) -> None:
    work = desk.open()
    desk.detect()
    work.point_moved(0, OLD)
    if left:
        desk.session.keep_unsent()
        desk.session.close_image()
    text = desk.session.to_json()
    work = desk.open()
    desk.clock.now += 2
    work.point_moved(0, NEW)
    desk.session.restore(text)
    assert desk.session.work[0].position == NEW
    desk.session.keep_unsent()
    assert [item.record.points[0].position for item in desk.session.unsent] == [NEW]


def test_a_newer_scene_takes_the_place_of_older_work(desk: Desk) -> None:
    work = desk.open()
    desk.detect()
    work.point_moved(0, OLD)
    desk.session.keep_unsent()
    desk.clock.now += 2
    work.point_moved(0, NEW)
    text = desk.session.to_json()
    older = Desk()
    older.session.restore(text)
    assert older.session.work[0].position == NEW


def test_a_prediction_during_a_drag_is_a_step_of_its_own() -> None:
    work = predicted_work()
    work.mark_missing(1)
    work.begin_drag(0)
    work.point_moved(0, lps(33.0, 22.0))
    assert work.apply_prediction(prediction(version="v2"))
    work.point_moved(0, lps(34.0, 23.0))
    assert work.end_drag(0)
    assert (work.model_version, work[0].position) == ("v2", lps(34.0, 23.0))
    assert work.undo()
    assert (work.undo_words, work[0].position, work.model_version) == ("Auto-detect", lps(30.0, 20.0), "v2")
    assert work.undo()
    assert (work.model_version, counts(work)) == ("v1", {"predicted": 6, "missing": 1})


def test_accepting_all_during_a_drag_is_a_step_of_its_own() -> None:
    work = predicted_work()
    work.begin_drag(0)
    work.point_moved(0, lps(33.0, 22.0))
    assert work.accept_all()
    work.end_drag(0)
    assert counts(work) == {"corrected": 7}
    work.undo()
    assert (counts(work), work[0].position) == ({"corrected": 7}, lps(30.0, 20.0))
    work.undo()
    assert counts(work) == {"predicted": 7}


@pytest.mark.parametrize(
    ("stated", "radius"), [((0.5, 2.0), 1.5), ((0.25, 1.0), 3.0), (None, 1.5), ([0, 1], 1.5), ("no", 1.5)]
)
def test_a_radius_follows_the_pixel_size_that_a_label_states(stated: object, radius: float) -> None:
    record = predicted_work().record()
    submission = Submission.of(record, "final")
    assert submission.params["spacing"] == [0.5, 2.0]
    assert record.points[0].radius == 1.5
    info = {**submission.params, "spacing": list(stated) if isinstance(stated, tuple) else stated}
    opened = WorkRecord.from_label(TASK, "one", "final", submission.markups, info, GEOMETRY)
    assert opened.points[0].radius == pytest.approx(radius)
    pixels = replace(record, geometry=Geometry(size=(100, 80)))
    assert "spacing" not in Submission.of(pixels, "final").params
