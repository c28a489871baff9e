"""The size of a pixel changes while an image is open: lengths follow, points stay, also those that undo brings back."""

from __future__ import annotations

import pytest
from LandmarkDetectionLib.errors import BadAnswer
from LandmarkDetectionLib.server.geometry import Calibration, Geometry, read_length
from LandmarkDetectionLib.work.records import Submission, WorkRecord
from LandmarkDetectionLib.work.work import Work
from session_parts import PIXELS, TASK, prediction

PHOTO = Geometry(size=(100, 80))


def detected() -> Work:
    """Seven points 1.5 px sure on a photograph of unknown size."""
    work = Work(TASK, "one", PHOTO)
    work.apply_prediction(prediction())
    for index, pixel in enumerate(PIXELS):
        work.point_moved(index, PHOTO.to_lps(*pixel))
    work.reset_to_prediction(3)
    return work


def test_lengths_are_millimetres_and_points_stay() -> None:
    work = detected()
    before = [point.position for point in work.points]
    pixels = work.measurements()[0].value
    assert work.calibrate((0.25, 0.25), "mm")
    assert not work.calibrate((0.25, 0.25), "mm")
    assert [point.position for point in work.points] == before
    assert work.measurements()[0].value == pytest.approx(0.25 * pixels)
    assert work.measurements()[0].text == "7.5 mm"
    assert [point.radius for point in work.points] == pytest.approx([0.375] * 7)


def test_what_undo_brings_back_is_in_the_new_unit_too() -> None:
    work = detected()
    words = work.undo_words
    work.calibrate((0.5, 0.5), "mm")
    assert work.undo_words == words, "a calibration is no step of the points"
    while work.undo():
        pass
    work.redo()
    assert {point.radius for point in work.points} == {0.75}
    work.calibrate((1.0, 1.0), "px")
    assert {point.radius for point in work.points} == {1.5}


def test_a_label_of_pixels_opens_in_millimetres_once_the_image_is_calibrated() -> None:
    submission = Submission.of(detected().record(), "final")
    told = submission.params
    record = WorkRecord.from_label(
        TASK, "one", "final", submission.markups, told, Geometry(spacing=(0.2, 0.2), unit="mm", size=(100, 80))
    )
    assert [point.radius for point in record.points] == pytest.approx([0.3] * 7)


def test_unsent_work_takes_the_unit_of_the_image_as_it_is_now() -> None:
    record = detected().record().on(Geometry(spacing=(0.5, 2.0), unit="mm", size=(100, 80)))
    # A pixel is 1 mm x 1 mm on average of its sides: 0.5 x 2.
    assert [point.radius for point in record.points] == pytest.approx([1.5] * 7)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e999", "five", "", "1 2"])
def test_a_length_is_a_number_above_zero(text: str) -> None:
    with pytest.raises(BadAnswer, match="should be a number of millimetres above 0, not"):
        read_length(text)


@pytest.mark.parametrize(("text", "length"), [("50", 50.0), (" 11,7 ", 11.7), ("0.5", 0.5)])
def test_a_length_may_have_a_point_or_a_comma(text: str, length: float) -> None:
    assert read_length(text) == length


def test_the_server_s_answer_is_read_and_a_damaged_one_refused() -> None:
    document = {
        "image": "one",
        "unit": "mm",
        "spacing": [0.25, 0.5],
        "spacing_source": "stated by Ada",
        "file_spacing": None,
        "stated": {"how": "line", "length_mm": 50, "line": [[1, 2], [3, 4]], "annotator": "Ada", "when": "2026"},
    }
    found = Calibration.from_dict(document)
    assert (found.spacing, found.line, found.length_mm) == ((0.25, 0.5), ((1.0, 2.0), (3.0, 4.0)), 50.0)
    for field, value in (("spacing", [0.25]), ("spacing", [0, 1]), ("unit", 3), ("stated", {"line": [[1, 2]]})):
        with pytest.raises(BadAnswer):
            Calibration.from_dict({**document, field: value})
