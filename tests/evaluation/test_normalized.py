"""Scores in percent of a distance between two true landmarks, worked out by hand."""

from __future__ import annotations

import io
import json
import math

import pytest
from rich.console import Console

from monai_ext.evaluation import evaluate_landmarks, normalize_scores, overall_table
from monai_ext.landmarks import InputError

NAMES = ("left", "right", "nose")


@pytest.fixture
def faces(make_landmarks):
    """Three faces of 100, 50 and 20 px between the eyes, with errors of 3 4 5, 0 1 -, and 4 4 1 px; one without."""

    def face(points, status=None):
        return make_landmarks(points, status, names=NAMES, spacing=None)

    nan = math.nan
    return [
        ("a", face([(10, 10), (90, 70), (50, 50)]), face([(13, 10), (90, 74), (53, 54)])),
        ("b", face([(10, 10), (40, 50), (nan, nan)], [1, 1, 0]), face([(10, 10), (41, 50), (9, 9)])),
        ("c", face([(20, 30), (20, 50), (70, 8)]), face([(24, 30), (20, 54), (70, 7)])),
        ("d", face([(20, 30), (nan, nan), (70, 8)], [1, -1, 1]), face([(21, 30), (20, 54), (70, 7)])),
    ]


def test_scores_are_those_of_each_image_over_its_own_distance(faces):
    evaluation = evaluate_landmarks(faces, [2], 8, 16)
    scores = normalize_scores(evaluation, faces, ("left", "right"), 5.0)

    shares = [4.0, 1.0, 15.0]  # 4 of 100, 0.5 of 50 and 3 of 20 px
    assert [error for _, error in scores.images][:3] == pytest.approx(shares)
    assert math.isnan(scores.images[3][1])
    assert (scores.count, scores.left_out) == (3, ("d",))
    assert scores.me == pytest.approx(20 / 3)
    assert scores.me_sd == pytest.approx(math.sqrt(((4 - 20 / 3) ** 2 + (1 - 20 / 3) ** 2 + (15 - 20 / 3) ** 2) / 2))
    assert scores.failure_rate == pytest.approx(1 / 3)
    assert scores.auc == pytest.approx((0.2 + 0.8 + 0.0) / 3)
    assert evaluation.me == pytest.approx((4 + 0.5 + 3 + 1) / 4)  # pixels stay what they were


def test_anisotropic_pixels_are_measured_in_millimetres(make_landmarks):
    truth = make_landmarks([(0, 0), (30, 40)], names=("a", "b"), spacing=(0.5, 0.2))
    moved = make_landmarks([(2, 0), (30, 45)], names=("a", "b"), spacing=(0.5, 0.2))
    pairs = [("x", truth, moved)]

    in_mm = normalize_scores(evaluate_landmarks(pairs, [2], 8, 16), pairs, ("a", "b"))
    in_px = normalize_scores(evaluate_landmarks(pairs, [2], 8, 16, unit="px"), pairs, ("a", "b"))

    assert in_mm.me == pytest.approx(100 * 1.0 / 17.0)  # both are 1 mm off; (15, 8) mm lie between them
    assert in_px.me == pytest.approx(100 * 3.5 / 50.0)
    assert math.isnan(in_mm.me_sd)


def test_json_is_finite_and_says_percent(faces):
    evaluation = evaluate_landmarks(faces, [2], 8, 16)
    document = normalize_scores(evaluation, faces, ("right", "left")).to_dict()

    text = json.dumps(document, allow_nan=False)
    assert json.loads(text)["unit"] == "%"
    assert document["between"] == ["right", "left"]
    assert document["images"][3] == {"image": "d", "error": None}


def test_the_table_has_percent_beside_pixels(faces):
    evaluation = evaluate_landmarks(faces, [2], 8, 16)
    console = Console(file=io.StringIO(), width=100)
    console.print(overall_table(evaluation, "Faces", normalize_scores(evaluation, faces, ("left", "right"), 5.0)))
    lines = console.file.getvalue().splitlines()

    def cell(start: str) -> str:
        return next(line for line in reversed(lines) if start in line).split(start)[1].strip(" │")

    assert cell("distance between") == "left and right"
    assert [line.strip(" │").split()[-1] for line in lines if "Image mean error" in line] == ["px", "%"]
    assert cell("Failure rate, image > 5 %") == "33.33 %"
    assert cell("AUC up to 5 %") == "0.333"


@pytest.mark.parametrize(
    ("between", "limit", "message"),
    [
        (("left", "chin"), 10, "no landmark 'chin'"),
        (("left", "left"), 10, "from 'left' to itself"),
        (("left", "right"), 0, "positive distance"),
    ],
)
def test_what_has_no_meaning_is_refused(faces, between, limit, message):
    with pytest.raises(InputError, match=message):
        normalize_scores(evaluate_landmarks(faces, [2], 8, 16), faces, between, limit)


def test_the_evaluation_must_be_of_the_same_images(faces):
    with pytest.raises(InputError, match="are of different images"):
        normalize_scores(evaluate_landmarks(faces, [2], 8, 16), faces[:2], ("left", "right"))
