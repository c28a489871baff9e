from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks import InputError
from monai_ext.models import PresenceThreshold, best_threshold, not_fitted


def score_of(threshold: float, present: np.ndarray, missing: np.ndarray, criterion: str) -> float:
    """Of calling present what is at or above the threshold; missing is what F1 is to find."""
    right = sum(p >= threshold for p in present)
    found = sum(m < threshold for m in missing)
    if criterion == "balanced_accuracy":
        return (right / len(present) + found / len(missing)) / 2
    false = len(present) - right
    return 2 * found / (2 * found + false + len(missing) - found)


@pytest.mark.parametrize("criterion", ["balanced_accuracy", "f1"])
@pytest.mark.parametrize("digits", [1, 2, 9])
def test_no_threshold_is_better_and_none_as_good_is_nearer_to_a_half(rng, criterion, digits) -> None:
    for _ in range(30):
        present = rng.beta(4, 2, rng.integers(1, 12)).round(digits)
        missing = rng.beta(2, 4, rng.integers(1, 12)).round(digits)

        found = best_threshold(present, missing, criterion)

        values = np.unique([*present, *missing])
        tried = [(a + b) / 2 for a, b in zip([0.0, *values], values, strict=False)]
        scores = [score_of(t, present, missing, criterion) for t in tried]
        assert found.score == pytest.approx(max(scores))
        assert score_of(found.threshold, present, missing, criterion) == pytest.approx(found.score)
        equal = [abs(t - 0.5) for t, score in zip(tried, scores, strict=True) if score > max(scores) - 1e-12]
        assert abs(found.threshold - 0.5) == pytest.approx(min(equal))


def test_sets_apart_are_parted_in_the_middle_of_the_gap() -> None:
    found = best_threshold(np.array([0.75, 0.9, 1.0]), np.array([0.0, 0.25]), "f1")

    assert found == (0.5, 1.0)


def test_neighbouring_numbers_are_told_apart() -> None:
    low = 0.3
    high = np.nextafter(low, 1)

    found = best_threshold(np.array([high]), np.array([low]), "balanced_accuracy")

    assert found.score == 1
    assert low < found.threshold <= high


def test_each_landmark_has_its_own_and_some_have_none() -> None:
    probability = np.array([[0.9, 0.9, 0.2, 0.1], [0.8, 0.7, 0.1, 0.3], [0.4, 0.9, 0.3, 0.9], [0.2, 0.1, 0.9, np.nan]])
    status = np.array([[1, 1, 0, 0], [1, 1, 0, 1], [0, 1, 0, 1], [0, 1, 0, -1]])

    fitted = PresenceThreshold.fit(probability, status, ("a", "all_there", "all_gone", "b"))

    assert fitted.thresholds == (pytest.approx(0.6), None, None, pytest.approx(0.2))
    assert fitted.scores == (1.0, None, None, 1.0)
    assert fitted.present == (2, 4, 0, 2)
    assert fitted.missing == (2, 0, 4, 1)
    assert not_fitted(fitted) == ("all_there", "all_gone")
    # where nothing is fitted the default counts
    assert fitted.defined([0.59, 0.5, 0.49, 0.2]).tolist() == [False, True, False, True]
    assert fitted.defined([[0.61, 0.6, 0.6, 0.19]], default=0.7).tolist() == [[True, False, False, False]]
    assert PresenceThreshold.model_validate_json(fitted.model_dump_json()) == fitted


@pytest.mark.parametrize(
    ("probability", "status", "criterion", "sentence"),
    [
        (np.ones((2, 3)), np.ones((2, 2)), "f1", r"shape \(N, 3\), not \(2, 3\) and \(2, 2\)"),
        (np.full((2, 3), 1.5), np.ones((2, 3)), "f1", "between 0 and 1"),
        (np.full((2, 3), np.nan), np.zeros((2, 3)), "f1", "between 0 and 1"),
        (np.ones((2, 3)), np.ones((2, 3)), "accuracy", "balanced_accuracy or f1, not 'accuracy'"),
    ],
)
def test_wrong_input_is_refused(probability, status, criterion, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        PresenceThreshold.fit(probability, status, ("a", "b", "c"), criterion)
