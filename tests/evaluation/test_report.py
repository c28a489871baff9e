"""The evaluation of landmark pairs: worked out by hand, and against plain loops."""

from __future__ import annotations

import math
import statistics
import warnings

import numpy as np
import pytest

from monai_ext.evaluation import evaluate_landmarks
from monai_ext.landmarks import Frame, InputError, Landmarks


def test_the_scores_of_all_landmarks(pairs) -> None:
    evaluation = evaluate_landmarks(pairs, [2, 4, 10], 4, 10)
    scores = evaluation.overall
    assert evaluation.unit == "mm"
    assert (scores.count, scores.mre, scores.median) == (7, 5.0, 4.0)
    assert scores.sd == pytest.approx(math.sqrt(140 / 6))
    assert scores.sdr == pytest.approx({2.0: 3 / 7, 4.0: 4 / 7, 10.0: 6 / 7})
    assert (scores.misses, scores.false_alarms, scores.correct_absences, scores.unanswered) == (1, 1, 1, 1)


def test_the_scores_over_images(pairs) -> None:
    evaluation = evaluate_landmarks(pairs, [2], 4, 10)
    means = [8 / 3, 6.5, 10.0, 4.0]
    assert [row.error for row in evaluation.images] == pytest.approx(means)
    assert evaluation.me == pytest.approx(statistics.fmean(means))
    assert evaluation.me_sd == pytest.approx(statistics.stdev(means))
    assert evaluation.failure_rate == 0.5
    assert evaluation.auc == pytest.approx(statistics.fmean(max(0.0, 1 - m / 10) for m in means))
    assert evaluation.images_measured == 4


def test_pixel_errors_stand_beside_those_in_mm(pairs) -> None:
    evaluation = evaluate_landmarks(pairs, [2], 4, 10)
    pixels = [math.hypot(6, 16), 2, 8, 0, math.hypot(10, 48), math.hypot(16, 24), 8]
    assert evaluation.overall.mre_px == pytest.approx(statistics.fmean(pixels))
    assert evaluation.images[0].error_px == pytest.approx(statistics.fmean(pixels[:3]))
    assert evaluation.landmarks[1].mre_px == pytest.approx(statistics.fmean([2, math.hypot(10, 48), 8]))
    assert evaluation.images[0].errors_px[:2] == pytest.approx((math.hypot(6, 16), 2))


def test_the_scores_of_each_landmark(pairs) -> None:
    fovea, disc, vessel = evaluate_landmarks(pairs, [2], 4, 10).landmarks
    assert [(r.name, r.count, r.mre) for r in (fovea, disc, vessel)] == [
        ("fovea", 2, 2.5),
        ("disc", 3, 6.0),
        ("vessel", 2, 6.0),
    ]
    assert (fovea.misses, fovea.correct_absences, vessel.false_alarms, vessel.unanswered) == (1, 1, 1, 1)
    assert fovea.sdr == {2.0: 0.5}


def test_what_cannot_be_measured_is_nan(pairs) -> None:
    rows = evaluate_landmarks(pairs, [2], 4, 10).images
    assert [[math.isnan(e) for e in row.errors] for row in rows] == [
        [False, False, False],
        [False, False, True],
        [True, True, False],
        [True, False, True],
    ]


@pytest.mark.parametrize("k", [1, 19])
def test_random_pairs_agree_with_loops(rng, k) -> None:
    names, pairs, errors = [f"p{j}" for j in range(k)], [], []
    for i in range(6):
        spacing = tuple(rng.uniform(0.05, 0.3, 2))
        frame = Frame(640, 480, spacing=spacing, spacing_source="made up")
        true, pred = rng.uniform(0, 480, (2, k, 2))
        status_true, status_pred = rng.integers(-1, 2, (2, k))
        status_true[0] = status_pred[0] = 1
        pairs.append((f"i{i}", Landmarks(names, true, frame, status_true), Landmarks(names, pred, frame, status_pred)))
        errors.append(
            [
                math.hypot((true[j, 0] - pred[j, 0]) * spacing[0], (true[j, 1] - pred[j, 1]) * spacing[1])
                for j in range(k)
                if status_true[j] == status_pred[j] == 1
            ]
        )
    evaluation = evaluate_landmarks(pairs, [20.0], 20.0, 40.0)
    flat = [e for row in errors for e in row]
    assert evaluation.overall.count == len(flat)
    assert evaluation.overall.mre == pytest.approx(statistics.fmean(flat))
    assert evaluation.overall.sdr[20.0] == pytest.approx(sum(e <= 20 for e in flat) / len(flat))
    assert evaluation.me == pytest.approx(statistics.fmean(statistics.fmean(row) for row in errors))


def test_landmarks_are_matched_by_name(pairs) -> None:
    mixed = [(i, t, p.reordered(("vessel", "fovea", "disc"))) for i, t, p in pairs]
    assert evaluate_landmarks(mixed, [2], 4, 10).to_dict() == evaluate_landmarks(pairs, [2], 4, 10).to_dict()


def test_without_any_calibration_the_unit_is_px_without_a_warning(make_landmarks) -> None:
    pair = ("a", make_landmarks([(0, 0)] * 3, spacing=None), make_landmarks([(3, 4)] * 3, spacing=None))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation = evaluate_landmarks([pair], [5], 5, 10)
    assert (evaluation.unit, evaluation.overall.mre, evaluation.overall.mre_px) == ("px", 5.0, 5.0)
    assert evaluation.warnings == ()


def test_one_uncalibrated_image_turns_all_into_px_and_says_so(pairs, make_landmarks) -> None:
    bare = ("bare", make_landmarks([(0, 0)] * 3, spacing=None), make_landmarks([(3, 4)] * 3, spacing=None))
    with pytest.warns(UserWarning, match=r"1 of 5 images have no known pixel size \(the first is bare\)"):
        evaluation = evaluate_landmarks([*pairs, bare], [5], 5, 10)
    assert evaluation.unit == "px"
    assert evaluation.overall.mre == evaluation.overall.mre_px
    assert evaluation.images[0].errors[1] == 2.0
    assert "bare" in evaluation.warnings[0]


def test_a_wanted_unit_is_used_or_refused(pairs, make_landmarks) -> None:
    assert evaluate_landmarks(pairs, [2], 4, 10, unit="px").images[0].errors[1] == 2.0
    bare = ("bare", make_landmarks([(0, 0)] * 3, spacing=None), make_landmarks([(3, 4)] * 3, spacing=None))
    with pytest.raises(InputError, match="Image bare has no known pixel size"):
        evaluate_landmarks([*pairs, bare], [2], 4, 10, unit="mm")


def test_everything_missing_is_not_perfect(make_landmarks) -> None:
    truth, prediction = make_landmarks([(1, 2)] * 3), make_landmarks([(1, 2)] * 3, [0, 0, 0])
    evaluation = evaluate_landmarks([("a", truth, prediction)], [2], 4, 10)
    assert evaluation.overall.misses == 3
    assert evaluation.images_measured == 0
    numbers = [evaluation.overall.mre, evaluation.overall.sdr[2.0], evaluation.me, evaluation.failure_rate]
    assert np.isnan([*numbers, evaluation.auc]).all()


def test_frames_that_differ_are_refused_by_image(make_landmarks) -> None:
    truth = make_landmarks([(1, 2)] * 3)
    with pytest.raises(InputError, match=r"Image a: .*200 x 120 .*120 x 200"):
        evaluate_landmarks([("a", truth, make_landmarks([(1, 2)] * 3, size=(120, 200)))], [2], 4, 10)
    with pytest.raises(InputError, match=r"Image a: .*\(0\.5, 0\.25\).*\(0\.25, 0\.5\)"):
        evaluate_landmarks([("a", truth, make_landmarks([(1, 2)] * 3, spacing=(0.25, 0.5)))], [2], 4, 10)


def test_what_cannot_be_compared_is_refused(pairs, make_landmarks) -> None:
    with pytest.raises(InputError, match="nothing to evaluate"):
        evaluate_landmarks([], [2], 4, 10)
    with pytest.raises(InputError, match="eye_0 occurs twice"):
        evaluate_landmarks([pairs[0], pairs[0]], [2], 4, 10)
    stranger = make_landmarks([(1, 2)] * 3, names=("fovea", "disc", "macula"))
    with pytest.raises(InputError, match="Image eye_0: Unknown landmark 'macula'"):
        evaluate_landmarks([(pairs[0][0], pairs[0][1], stranger)], [2], 4, 10)


@pytest.mark.parametrize("limits", [([0], 4, 10), ([2], -1, 10), ([2], 4, math.inf), ([math.nan], 4, 10)])
def test_thresholds_are_positive_distances(pairs, limits) -> None:
    with pytest.raises(InputError, match="positive distance"):
        evaluate_landmarks(pairs, *limits)


def test_a_repeated_threshold_is_refused(pairs) -> None:
    with pytest.raises(InputError, match="contain a value twice"):
        evaluate_landmarks(pairs, [2, 2.0], 4, 10)
