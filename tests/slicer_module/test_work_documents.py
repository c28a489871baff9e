"""The work as a label for the server, as text in a scene, and taken up again from a label."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from LandmarkDetectionLib.errors import BadAnswer, OtherFrame, WrongDefinition
from LandmarkDetectionLib.server.task_definition import TaskDefinition
from LandmarkDetectionLib.work.label_document import read_label
from LandmarkDetectionLib.work.records import WorkRecord
from LandmarkDetectionLib.work.work import Work
from session_parts import (
    GEOMETRY,
    NAMES,
    PIXELS,
    PROTOCOL,
    TASK,
    TestClock,
    counts,
    lps,
    new_work,
    predicted_work,
    prediction,
)

from monai_ext.landmarks import Frame, InputError, Landmarks, Status
from monai_ext.landmarks.markups import read_markups, read_stated_frame, write_markups

FRAME = Frame(100, 80, np.array([[0.5, 0, -10.0], [0, 0, 20.0], [0, -2.0, 5.0]]), (0.5, 2.0), "test")


def worked() -> Work:
    """One point each: corrected, confirmed, missing, cleared, as predicted; the clock stands at 42 seconds."""
    clock = TestClock()
    work = new_work(clock)
    work.apply_prediction(prediction(unsure=("left_lip",)))
    work.resume()
    clock.now += 42.04  # rounded to 42.0 in a label
    work.pause()
    work.point_moved(0, lps(33.25, 22.0))
    work.accept(1)
    work.mark_missing(2)
    work.clear(3)
    return work


def test_label_is_read_by_the_library_as_meant(tmp_path: Path) -> None:
    path = tmp_path / "one.mrk.json"
    path.write_bytes(worked().submission().markups)
    landmarks = read_markups(path, FRAME)
    assert landmarks.names == NAMES
    expected = [Status.DEFINED, Status.DEFINED, Status.MISSING, Status.UNDEFINED, *[Status.DEFINED] * 2]
    assert landmarks.status.tolist() == [*expected, Status.UNDEFINED]
    np.testing.assert_allclose(landmarks.points[0], (33.25, 22.0), atol=1e-12)
    np.testing.assert_allclose(landmarks.points[[1, 4, 5]], np.array(PIXELS)[[1, 4, 5]], atol=1e-12)
    # The confidence of a network says nothing about a person's point.
    assert [i for i, c in enumerate(landmarks.confidence) if math.isfinite(c)] == [4, 5]
    np.testing.assert_allclose(landmarks.confidence[[4, 5]], (0.5, 0.4), atol=1e-9)


def test_params_say_where_the_label_comes_from() -> None:
    params = worked().submission("draft", annotator="Ada").params
    json.dumps(params, allow_nan=False)
    assert (params["protocol"], params["model_version"], params["definition"]) == ("head", "v1", TASK.digest)
    assert (params["seconds"], params["unit"], params["annotator"]) == (42.0, "mm", "Ada")
    moved = round(float(np.hypot(3.25 * 0.5, 2 * 2.0)), 4)
    rest = {"left_eye": 0.0, "nose": None, "left_ear": None, "right_ear": 0.0, "right_lip": 0.0, "left_lip": None}
    assert params["displacement"] == {"right_eye": moved, **rest}
    assert params["landmarks"]["left_eye"]["confirmed"] is True
    assert "annotator" not in worked().submission().params
    assert new_work().submission("draft").params["model_version"] is None


def test_submission_does_not_change_with_the_work() -> None:
    work = worked()
    submission = work.submission()
    markups = submission.markups
    work.point_moved(0, lps(1.0, 1.0))
    assert submission.markups == markups
    work.mark_saved(submission)
    assert work.dirty  # what was moved since is not on the server
    work.undo()
    assert not work.dirty


def test_unsent_is_what_differs_from_the_saved_label() -> None:
    work = predicted_work()
    work.mark_saved(work.submission("draft"))
    assert (work.dirty, work.saved_tag) == (False, "draft")
    work.accept(0)
    assert work.dirty
    work.undo()
    assert not work.dirty
    # Another prediction would change what the server has, though no person touched it.
    work.reset_to_prediction()
    assert not work.dirty
    work.clear(0)
    work.mark_saved(work.submission("final"))
    assert (work.dirty, work.saved_tag) == (False, "final")
    work.undo()
    assert work.dirty


def test_scene_text_brings_everything_back_but_the_history() -> None:
    work = worked()
    work.mark_saved(work.submission("draft"))
    work.point_moved(4, lps(6.0, 31.0))
    clock = TestClock()
    again = Work.from_record(WorkRecord.from_json(work.record().to_json()), clock)
    assert again.points == work.points
    assert replace(again.record(), seconds=0.0) == replace(work.record(), seconds=0.0)
    assert (again.task, again.geometry, again.seconds) == (TASK, GEOMETRY, pytest.approx(42.04))
    assert (again.dirty, again.saved_tag, again.undo_words) == (True, "draft", "")
    clock.now += 10
    assert again.seconds == pytest.approx(42.04)  # it waits until somebody opens the image
    saved_again = Work.from_record(WorkRecord.from_json(worked().record().to_json()))
    assert saved_again.dirty is True


def test_scene_text_is_pure_ascii_json_and_survives_twice() -> None:
    text = worked().record().to_json()
    assert text.isascii()
    assert WorkRecord.from_json(text).to_json() == text


def _changed(**change: Any) -> str:
    return json.dumps({**json.loads(worked().record().to_json()), **change})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[" * 100_000,
        _changed(format=99),
        _changed(points=[]),
        _changed(points=json.loads(worked().record().to_json())["points"][::-1]),
        _changed(seconds="x"),
        _changed(task={"name": "head"}),
        _changed(geometry=None),
        _changed(saved=[["predicted"]]),
        worked().record().to_json().replace('"corrected"', '"perfect"', 1),
        worked().record().to_json().replace('"missing"', '"predicted"', 1),
        worked().record().to_json().replace('"seconds": 42.04', '"seconds": NaN'),
    ],
)
def test_damaged_scene_text_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        WorkRecord.from_json(text)
    assert str(caught.value).endswith(".")


def labelled(*document: Any) -> Work:
    return Work.from_record(WorkRecord.from_label(*document, GEOMETRY))


def reopened(work: Work, tag: str = "draft", **info: Any) -> Work:
    submission = work.submission(tag)
    return labelled(TASK, "one", tag, submission.markups, {**submission.params, **info})


def test_reopened_label_goes_on_where_it_was_left() -> None:
    work = worked()
    again = reopened(work)
    assert again.points == work.points
    assert (again.model_version, again.saved_tag, again.dirty) == ("v1", "draft", False)
    assert again.seconds == pytest.approx(42.0)
    assert again.moved(0) == pytest.approx(work.moved(0))
    assert again.reset_to_prediction()
    assert again[0].position == lps(*PIXELS[0])
    assert again.dirty


def test_reopened_label_of_other_origin_is_placed_by_hand(tmp_path: Path) -> None:
    points = np.array([PIXELS[i] for i in (4, 0, 2)])
    status = [Status.DEFINED, Status.DEFINED, Status.MISSING]
    path = tmp_path / "l.mrk.json"
    write_markups(path, Landmarks(("right_ear", "right_eye", "nose"), points, FRAME, status, [0.5, 0.5, 0.5]))
    work = labelled(TASK, "one", "final", path.read_bytes(), {"ts": 1, "name": "x"})
    assert [p.status for p in work.points] == [
        "placed",
        *["unlabelled"],
        "missing",
        "unlabelled",
        "placed",
        *["unlabelled"] * 2,
    ]
    np.testing.assert_allclose(work[4].position, lps(*PIXELS[4]), atol=1e-12)
    assert (work.dirty, work.model_version, work.reset_to_prediction()) == (False, None, False)
    work.mark_missing(0)
    assert work.dirty


def test_points_that_were_changed_behind_the_notes_count_as_they_are() -> None:
    submission = worked().submission()
    label = json.loads(submission.markups)
    label["markups"][0]["controlPoints"][4]["position"] = list(lps(1.0, 1.0))  # was as predicted
    label["markups"][0]["controlPoints"][1]["positionStatus"] = "missing"  # was confirmed
    work = labelled(TASK, "one", "final", json.dumps(label), submission.params)
    assert (work[4].status, work.moved(4)) == ("corrected", pytest.approx(np.hypot(4 * 0.5, 29 * 2.0)))
    assert (work[1].status, work[1].proposal) == ("missing", None)


@pytest.mark.parametrize("notes", [{"landmarks": 7}, {"landmarks": {"nose": []}}, {"seconds": "long"}, {"seconds": -1}])
def test_strange_notes_do_no_harm(notes: dict[str, Any]) -> None:
    submission = worked().submission()
    work = labelled(TASK, "one", "final", submission.markups, {**submission.params, **notes})
    assert work[0].position == lps(33.25, 22.0)
    assert work.seconds >= 0


def test_stored_proposal_is_a_prediction(tmp_path: Path) -> None:
    path = tmp_path / "l.mrk.json"
    status = [Status.DEFINED] * 6 + [Status.MISSING]
    write_markups(path, Landmarks(NAMES, np.array(PIXELS), FRAME, status, [0.75] * 7))
    info = {"model": "head", "model_version": "v3", "seconds": 9}
    work = labelled(TASK, "one", "original", path.read_bytes(), info)
    assert counts(work) == {"predicted": 6, "missing": 1}
    assert (work[0].confidence, work[0].proposal, work[6].proposal) == (0.75, "defined", "missing")
    assert (work.model_version, work.saved_tag, work.dirty, work.seconds) == ("v3", None, False, 0)


def test_label_of_another_protocol_or_version_is_refused() -> None:
    submission = worked().submission()
    with pytest.raises(WrongDefinition, match="belongs to the protocol eye"):
        labelled(TASK, "one", "final", submission.markups, {"protocol": "eye"})
    smaller = TaskDefinition.from_dict({**PROTOCOL, "landmarks": PROTOCOL["landmarks"][:3], "measurements": []})
    with pytest.raises(WrongDefinition, match="left_ear, right_ear, right_lip, left_lip"):
        labelled(smaller, "one", "final", submission.markups, {})


def test_label_in_ras_and_with_previews() -> None:
    label = json.loads(worked().submission().markups)
    markup = label["markups"][0]
    markup["coordinateSystem"] = "RAS"
    markup["controlPoints"][0]["position"] = [-1.0, -2.0, 3.0]
    markup["controlPoints"][1] |= {"positionStatus": "preview", "position": [-4.0, 5.0, 6.0]}
    markup["controlPoints"][4] |= {"positionStatus": "preview", "position": ""}
    points = read_label(json.dumps(label), TASK)
    assert (points[0].position, points[1].status, points[1].position) == ((1.0, 2.0, 3.0), "defined", (4.0, -5.0, 6.0))
    assert (points[4].status, points[4].position) == ("undefined", None)


def test_label_states_the_frame_of_its_image_and_the_library_compares_it(tmp_path: Path) -> None:
    path = tmp_path / "one.mrk.json"
    path.write_bytes(worked().submission().markups)
    np.testing.assert_array_equal(read_stated_frame(path).placement, FRAME.placement)
    stripped = Frame(100, 80, np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 0]]))
    with pytest.raises(InputError, match="was made on another placement"):
        read_markups(path, stripped)
    with pytest.raises(InputError, match="was made on an image of 100 x 80 pixels"):
        read_markups(path, Frame(100, 81, FRAME.placement))


@pytest.mark.parametrize(
    "change", [{"size": (100, 81)}, {"x_step": (0.5013, 0.0, 0.0)}, {"origin": (-9.9, 20.0, 5.0)}], ids=str
)
def test_label_of_another_placement_is_not_opened(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "one.mrk.json"
    write_markups(path, Landmarks(NAMES, np.array(PIXELS), FRAME))
    assert len(read_label(path.read_bytes(), TASK, GEOMETRY)) == len(NAMES)
    for content in (path.read_bytes(), worked().submission().markups):
        with pytest.raises(OtherFrame, match="another placement of the image"):
            WorkRecord.from_label(TASK, "one", "final", content, {}, replace(GEOMETRY, **change))


def test_unsent_work_keeps_its_pixels_on_an_image_that_lies_elsewhere_now() -> None:
    record = worked().record()
    stripped = replace(GEOMETRY, origin=(0.0, 0.0, 0.0), x_step=(1.0, 0.0, 0.0), y_step=(0.0, 1.0, 0.0))
    moved = record.on(stripped)
    assert moved.geometry == stripped
    for before, after in zip(record.points, moved.points, strict=True):
        for one, other in ((before.position, after.position), (before.predicted, after.predicted)):
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                np.testing.assert_allclose(other[:2], GEOMETRY.to_pixel(one), atol=1e-9)
    assert record.on(GEOMETRY) == record


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"LPS"', '"XYZ"'),
        ('"Fiducial"', '"Line"'),
        ('"left_eye"', '"right_eye"'),
        ('"label": "left_eye"', '"label": null'),
        ('"defined"', '"maybe"'),
        ("20.0,", '"x",'),
        ("{", ""),
    ],
)
def test_label_that_is_none_is_refused(old: str, new: str) -> None:
    content = worked().submission().markups.decode()
    assert old in content
    with pytest.raises(BadAnswer):
        read_label(content.replace(old, new), TASK)
