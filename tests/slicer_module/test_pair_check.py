"""When a left/right pair is said to look swapped, and when it is not."""

from __future__ import annotations

import pytest
from LandmarkDetectionLib.server.task_definition import TaskDefinition
from LandmarkDetectionLib.work.work import Work
from session_parts import GEOMETRY, NAMES, PIXELS, PROTOCOL, lps, new_work, predicted_work, prediction

EYES, EARS, LIPS = (0, 1), (3, 4), (5, 6)


def warned(work: Work) -> list[tuple[int, int]]:
    return [(warning.first, warning.second) for warning in work.pair_warnings()]


def placed(pixels: dict[int, tuple[float, float]]) -> Work:
    work = new_work()
    for index, pixel in pixels.items():
        work.point_placed(index, lps(*pixel))
    return work


def swap(work: Work, pair: tuple[int, int]) -> None:
    first, second = (work[index].position for index in pair)
    work.point_moved(pair[0], second)
    work.point_moved(pair[1], first)


def test_points_as_predicted_are_not_doubted() -> None:
    assert warned(predicted_work()) == []


@pytest.mark.parametrize("pair", [EYES, EARS, LIPS])
def test_swapped_pair_is_found_whichever_partner_the_protocol_names_first(pair: tuple[int, int]) -> None:
    work = predicted_work()
    swap(work, pair)
    assert warned(work) == [pair]
    names = " and ".join(NAMES[i].replace("_", " ") for i in pair)
    assert work.pair_warnings()[0].sentence == f"{names.capitalize()} look swapped: check left and right."


@pytest.mark.parametrize("pair", [EYES, EARS, LIPS])
def test_swapped_pair_is_found_without_a_prediction(pair: tuple[int, int]) -> None:
    pixels = dict(enumerate(PIXELS))
    pixels[pair[0]], pixels[pair[1]] = pixels[pair[1]], pixels[pair[0]]
    assert warned(placed(pixels)) == [pair]


@pytest.mark.parametrize("turn", [lambda x, y: (99 - x, y), lambda x, y: (y, x), lambda x, y: (99 - x, 79 - y)])
def test_mirrored_turned_and_upside_down_images_are_not_doubted(turn: object) -> None:
    assert warned(placed({i: turn(*pixel) for i, pixel in enumerate(PIXELS)})) == []


def test_a_network_that_swapped_everything_is_corrected_in_peace() -> None:
    work = predicted_work()
    for pair in (EYES, EARS, LIPS):
        swap(work, pair)
    assert warned(work) == []  # they agree with one another


def test_one_other_pair_does_not_decide() -> None:
    first = {i: PIXELS[i] for i in EYES}
    assert warned(placed({**first, 3: PIXELS[4], 4: PIXELS[3]})) == []


def test_single_pair_is_compared_with_its_prediction() -> None:
    marks = [entry for entry in PROTOCOL["landmarks"] if entry["name"] in ("right_eye", "left_eye")]
    task = TaskDefinition.from_dict({**PROTOCOL, "landmarks": marks, "measurements": []})
    work = Work(task, "one", GEOMETRY)
    predicted = prediction()
    work.apply_prediction(type(predicted)("head", "v1", "one", predicted.points[:2]))
    assert warned(work) == []
    swap(work, EYES)
    assert warned(work) == [EYES]
    work.undo()
    work.point_moved(0, lps(58.0, 22.0))
    work.undo()
    # Both moved far, but each is still nearer to its own prediction.
    work.point_moved(0, lps(40.0, 20.0))
    work.point_moved(1, lps(50.0, 20.0))
    assert warned(work) == []


def test_pair_with_a_missing_partner_is_not_judged() -> None:
    work = predicted_work()
    swap(work, EYES)
    work.mark_missing(1)
    assert warned(work) == []


def test_names_that_tell_no_side_are_judged_by_the_prediction_alone() -> None:
    names = {"right_eye": "a1", "left_eye": "a2", "left_ear": "b1", "right_ear": "b2", "right_lip": "c1"}
    names |= {"left_lip": "c2", "nose": "nose"}
    marks = [{**m, "name": names[m["name"]], "pair": names.get(m["pair"])} for m in PROTOCOL["landmarks"]]
    task = TaskDefinition.from_dict({**PROTOCOL, "landmarks": marks, "measurements": []})
    work = Work(task, "one", GEOMETRY)
    for index, pixel in enumerate(PIXELS):
        work.point_placed(index, lps(*pixel))
    swap(work, EYES)
    assert warned(work) == []


@pytest.mark.parametrize(("apart", "found"), [(2.9, [EYES]), (3.1, [])])
def test_a_point_dragged_onto_its_partner_is_told(apart: float, found: list[tuple[int, int]]) -> None:
    """A tenth of the 30 pixels between the predictions."""
    work = predicted_work()
    work.point_moved(0, lps(PIXELS[1][0] - apart, PIXELS[1][1]))
    assert warned(work) == found
    sentences = [warning.sentence for warning in work.pair_warnings()]
    assert sentences == ["Right eye and left eye coincide: check which is which."] * len(found)


@pytest.mark.parametrize(("apart", "found"), [(1.9, [LIPS]), (2.1, [])])
def test_without_predictions_two_pixels_are_one_spot(apart: float, found: list[tuple[int, int]]) -> None:
    assert warned(placed({5: (35.0, 60.0), 6: (35.0 + apart, 60.0)})) == found
