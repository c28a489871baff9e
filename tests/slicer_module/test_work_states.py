"""What each deed of a person or network does to a landmark."""

from __future__ import annotations

import numpy as np
import pytest
from LandmarkDetectionLib.errors import BadAnswer, WrongDefinition
from LandmarkDetectionLib.server.prediction import Prediction
from LandmarkDetectionLib.work.records import displacement
from LandmarkDetectionLib.work.work import Work
from session_parts import NAMES, PIXELS, TASK, TestClock, answer, counts, lps, new_work, predicted_work, prediction


def statuses(work: object) -> list[str]:
    return [point.status for point in work.points]


def test_new_image_has_nothing() -> None:
    work = new_work()
    assert statuses(work) == ["unlabelled"] * 7
    assert [p.name for p in work.points] == list(NAMES)
    assert (work.empty, work.touched, work.dirty, work.model_version) == (True, False, False, None)
    assert work.undo() is False
    assert work.reset_to_prediction() is False


def test_prediction_shows_points_missing_and_unknown_ones() -> None:
    work = predicted_work(missing=("nose",), unsure=("left_ear",))
    assert statuses(work) == ["predicted"] * 2 + ["missing", "unlabelled"] + ["predicted"] * 3
    assert work[0].position == lps(*PIXELS[0])
    assert (work[0].confidence, work[1].confidence) == (0.9, pytest.approx(0.8))
    assert work[2].position is None
    assert (work[0].radius, work[0].reach, work[0].coverage) == (1.5, 1.5, 0.95)
    assert work[2].reach is None
    assert work.moved(0) == 0.0
    assert work.moved(2) is None
    assert work.model_version == "v1"
    # A prediction can be made again: leaving loses nothing.
    assert (work.touched, work.dirty, work.empty) == (False, False, False)
    assert counts(work) == {"predicted": 5, "missing": 1, "unlabelled": 1}


def test_moved_point_is_corrected_by_the_true_distance() -> None:
    work = predicted_work()
    assert work.point_moved(0, lps(33.0, 22.0)) is True
    assert (work[0].status, work[0].touched, work[0].confirmed) == ("corrected", True, False)
    assert (work[0].reach, work[0].radius) == (None, 1.5)  # it is about the network's point
    # 3 pixels of 0.5 mm and 2 pixels of 2 mm.
    assert work.moved(0) == pytest.approx(np.hypot(1.5, 4.0), abs=1e-12)
    assert displacement(work.record()) == {"right_eye": round(float(np.hypot(1.5, 4.0)), 4)} | dict.fromkeys(
        NAMES[1:], 0.0
    )
    assert work.dirty is True


def test_click_without_a_move_is_no_correction() -> None:
    work = predicted_work()
    before = work.revision
    work.begin_drag(0)
    assert work.point_moved(0, lps(30.0 + 5e-4, 20.0)) is False  # a rounding, half a thousandth of a pixel
    assert work.end_drag(0, lps(*PIXELS[0])) is False
    assert (work[0].status, work.dirty, work.undo_words, work.revision) == ("predicted", False, "Auto-detect", before)
    assert work.point_moved(0, lps(30.0 + 2e-3, 20.0)) is True
    assert work[0].status == "corrected"


def test_drag_is_one_step_and_one_that_returns_is_none() -> None:
    work = predicted_work()
    work.begin_drag(2)
    for x in (46.0, 47.0, 48.0):
        work.point_moved(2, lps(x, 40.0))
    assert work.end_drag(2, lps(49.0, 40.0)) is True
    assert work[2].position == lps(49.0, 40.0)
    work.begin_drag(2)
    work.point_moved(2, lps(60.0, 60.0))
    assert work.end_drag(2, lps(49.0 + 1e-4, 40.0)) is False
    assert work[2].position == lps(49.0, 40.0)
    assert work.undo_words == "move nose"
    assert work.undo()
    assert (work[2].status, work[2].position) == ("predicted", lps(*PIXELS[2]))
    assert work.undo_words == "Auto-detect"


def test_point_moved_back_onto_its_prediction_is_predicted_again() -> None:
    work = predicted_work()
    work.point_moved(1, lps(1.0, 1.0))
    work.point_moved(1, lps(*PIXELS[1]))
    assert (work[1].status, work[1].touched, work.dirty) == ("predicted", False, False)


def test_accepted_point_counts_as_corrected_without_distance() -> None:
    work = predicted_work(missing=("nose",))
    assert work.accept(0) is True
    assert (work[0].status, work[0].confirmed, work[0].touched, work.moved(0)) == ("corrected", True, True, 0.0)
    assert work.accept(0) is False
    assert work.accept(2) is True
    assert (work[2].status, work[2].confirmed) == ("missing", True)
    assert work.dirty is True
    assert work.accept_all() is True
    assert counts(work) == {"corrected": 6, "missing": 1}
    assert work.accept_all() is False
    assert new_work().accept(0) is False


def test_accepting_does_not_touch_what_a_person_set() -> None:
    work = predicted_work()
    work.point_moved(0, lps(1.0, 1.0))
    work.clear(1)
    work.accept_all()
    assert (work[0].position, work[0].confirmed) == (lps(1.0, 1.0), False)
    assert work[1].status == "unlabelled"


def test_placing_by_hand_and_over_a_prediction() -> None:
    work = new_work()
    assert work.point_placed(0, lps(3.0, 4.0)) == 1
    assert (work[0].status, work.moved(0)) == ("placed", None)
    work = predicted_work(unsure=("left_eye",), missing=("nose",))
    work.point_placed(1, lps(3.0, 4.0))
    work.point_placed(2, lps(5.0, 6.0))
    work.point_placed(3, lps(80.0, 30.0))
    # Where the network named no place there is nothing to correct.
    assert statuses(work)[1:4] == ["placed", "placed", "corrected"]
    assert work.moved(3) == pytest.approx(2.5)


def test_placing_leads_to_the_next_landmark_without_an_answer() -> None:
    work = predicted_work(unsure=("left_eye", "nose", "left_lip"), missing=("left_ear",))
    assert work.next_unlabelled() == 1
    assert work.point_placed(2, lps(1.0, 1.0)) == 6
    assert work.point_placed(6, lps(2.0, 1.0)) == 1
    assert work.point_placed(1, lps(3.0, 1.0)) is None


def test_next_unsure_goes_through_what_nobody_looked_at() -> None:
    work = predicted_work(missing=("nose",))
    assert work.next_unsure() == 0
    assert work.next_unsure(6) == 0
    for index in range(7):
        if index != 2:
            work.accept(index)
    assert work.next_unsure(3) == 2
    work.accept(2)
    assert work.next_unsure() is None


def test_missing_and_clearing() -> None:
    work = predicted_work()
    assert work.mark_missing(2) is True
    assert (work[2].status, work[2].position, work[2].word, work.moved(2)) == ("missing", None, "missing", None)
    assert work.mark_missing(2) is False
    assert work.clear(2) is True
    assert (work[2].status, work[2].word, work[2].touched) == ("unlabelled", "undefined", True)
    assert work.clear(2) is False
    work.point_placed(2, lps(45.0, 41.0))
    assert (work[2].status, work.moved(2)) == ("corrected", pytest.approx(2.0))


def test_unanswered_are_the_required_ones() -> None:
    work = predicted_work(unsure=("nose", "left_ear", "left_lip"))
    assert work.unanswered == (3, 6)  # the nose is optional
    work.mark_missing(3)
    assert work.unanswered == (6,)


def test_reset_of_one_and_of_all() -> None:
    work = predicted_work(missing=("nose",), unsure=("left_lip",))
    work.point_moved(0, lps(1.0, 1.0))
    work.accept(1)
    work.point_placed(2, lps(9.0, 9.0))
    work.point_placed(6, lps(8.0, 8.0))
    assert work.reset_to_prediction(0) is True
    assert (work[0].status, work[0].position, work[0].confidence) == ("predicted", lps(*PIXELS[0]), 0.9)
    assert work.reset_to_prediction() is True
    assert statuses(work) == ["predicted"] * 2 + ["missing"] + ["predicted"] * 3 + ["unlabelled"]
    assert work.dirty is False
    work.undo()
    assert work[6].position == lps(8.0, 8.0)


def test_undo_and_redo_bring_every_state_back() -> None:
    work = new_work()
    states = [work.points]
    deeds = [
        lambda: work.apply_prediction(prediction()),
        lambda: work.point_moved(0, lps(1.0, 1.0)),
        lambda: work.mark_missing(1),
        lambda: work.accept(2),
        lambda: work.clear(3),
        lambda: work.point_placed(3, lps(4.0, 4.0)),
        lambda: work.reset_to_prediction(),
    ]
    for deed in deeds:
        deed()
        assert work.points != states[-1]
        states.append(work.points)
    words = []
    for state in reversed(states[:-1]):
        words.append(work.undo_words)
        assert work.undo()
        assert work.points == state
    assert words == [
        "reset to prediction",
        "place left ear",
        "clear left ear",
        "accept nose",
        "mark missing left eye",
        "move right eye",
        "Auto-detect",
    ]
    assert (work.undo(), work.model_version) == (False, None)
    for state in states[1:]:
        assert work.redo()
        assert work.points == state
    assert (work.redo(), work.model_version) == (False, "v1")


def test_a_new_deed_ends_what_could_be_done_again() -> None:
    work = predicted_work()
    work.mark_missing(0)
    work.undo()
    assert work.redo_words == "mark missing right eye"
    work.mark_missing(1)
    assert (work.redo_words, work.redo()) == ("", False)


def test_undo_in_the_middle_of_a_drag_ends_the_drag() -> None:
    work = predicted_work()
    work.begin_drag(0)
    work.point_moved(0, lps(1.0, 1.0))
    assert work.undo()
    assert work[0].status == "predicted"
    assert work.end_drag(0) is False
    assert work.redo_words == "move right eye"


def test_new_prediction_keeps_a_persons_points_and_compares_them_anew() -> None:
    work = predicted_work()
    work.point_moved(0, lps(32.0, 20.0))
    work.accept(1)
    work.mark_missing(2)
    work.clear(3)
    newer = answer(version="v2")
    for entry in newer["landmarks"]:
        entry["position"][0] += 0.5  # one pixel to the right
        entry["confidence"] = 0.5
    assert work.apply_prediction(Prediction.from_document(newer, TASK))
    assert statuses(work) == ["corrected", "corrected", "missing"] + ["predicted"] * 4
    assert work[0].position == lps(32.0, 20.0)
    assert work.moved(0) == pytest.approx(0.5)  # one pixel of the two remains
    assert (work.moved(1), work[1].confirmed) == (pytest.approx(0.5), False)
    assert work[4].position == lps(6.0, 30.0)
    assert (work.model_version, work[0].confidence) == ("v2", 0.5)
    work.undo()
    assert (work.model_version, work.moved(0)) == ("v1", pytest.approx(1.0))
    work.apply_prediction(Prediction.from_document(newer, TASK), keep_touched=False)
    assert set(statuses(work)) == {"predicted"}


def test_prediction_of_another_image_or_task_changes_nothing() -> None:
    work = predicted_work()
    with pytest.raises(WrongDefinition, match="is for two, but one is open"):
        work.apply_prediction(prediction(image="two"))
    other = Prediction("head", "v9", "one", work_points_of(NAMES[:3]))
    with pytest.raises(WrongDefinition, match="landmarks other than"):
        work.apply_prediction(other)
    assert work.model_version == "v1"


def work_points_of(names: tuple[str, ...]) -> tuple:
    return prediction().points[: len(names)]


@pytest.mark.parametrize("position", [(1.0, 2.0), (1.0, float("nan"), 2.0), None, "abc"])
def test_position_that_is_none_is_refused(position: object) -> None:
    work = predicted_work()
    with pytest.raises(BadAnswer):
        work.point_moved(0, position)
    assert work[0].status == "predicted"


def test_time_counts_only_while_the_image_is_open() -> None:
    clock = TestClock()
    work = new_work(clock)
    clock.now += 100
    assert work.seconds == 0
    work.resume()
    clock.now += 7
    work.resume()
    clock.now += 3
    assert work.seconds == 10
    work.pause()
    work.pause()
    clock.now += 50
    assert work.seconds == 10
    work.resume()
    clock.now += 5
    assert work.seconds == 15


def test_measurements_follow_the_points() -> None:
    work = predicted_work()
    values = {value.definition.name: value for value in work.measurements()}
    assert (values["eye_distance"].value, values["eye_distance"].unit) == (pytest.approx(15.0), "mm")
    assert values["nose_height"].value == pytest.approx(40.0)
    work.point_moved(1, lps(62.0, 20.0))
    assert work.measurements()[0].value == pytest.approx(16.0)
    work.mark_missing(1)
    assert [value.value for value in work.measurements()] == [None, None, None]
    assert work.measurements()[0].text == "–"


def test_what_a_person_did_or_had_before_them_is_looked_at() -> None:
    work = predicted_work(missing=("right_ear",), unsure=("left_lip",))
    assert work.unseen == (0, 1, 2, 3, 4, 5), "an undefined one has nothing to look at"
    work.point_moved(0, lps(33.0, 22.0))
    work.accept(1)
    work.mark_missing(2)
    work.clear(3)
    work.look_at(4)
    assert work.unseen == (5,)
    work.point_placed(5, lps(1.0, 1.0))
    assert work.unseen == ()


def test_a_prediction_at_another_place_is_to_be_looked_at_anew() -> None:
    work = predicted_work()
    work.accept_all()
    assert work.unseen == ()
    work.undo()
    assert work.unseen == (0, 1, 2, 3, 4, 5, 6), "to accept is a step that can be taken back, to look is none"
    for index in range(7):
        work.look_at(index)
    work.apply_prediction(prediction(version="v2"))
    assert work.unseen == (), "the same places"
    work.apply_prediction(prediction(version="v3", missing=("nose",)))
    assert work.unseen == (2,)


@pytest.mark.parametrize(("tag", "unseen"), [("final", ()), ("draft", (1, 2, 3, 4, 5, 6))])
def test_a_finished_label_that_is_opened_again_was_looked_at(tag: str, unseen: tuple[int, ...]) -> None:
    work = predicted_work()
    work.point_moved(0, lps(33.0, 22.0))
    work.mark_saved(work.submission(tag))
    assert Work.from_record(work.record()).unseen == unseen


def test_clearing_all_is_one_step() -> None:
    work = predicted_work(unsure=("nose",))
    assert work.clear_all() is True
    assert counts(work) == {"unlabelled": 7}
    assert work.clear_all() is False
    assert work.undo() is True
    assert counts(work) == {"predicted": 6, "unlabelled": 1}
