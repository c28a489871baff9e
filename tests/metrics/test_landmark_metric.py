"""The cumulative metric: collects batches, in tensors or lists, and forgets on reset."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_ext.landmarks import InputError
from monai_ext.metrics import LandmarkMetric, PresenceCounts, presence_counts

KIND = {
    (1, 1): "found",
    (1, 0): "misses",
    (0, 1): "false_alarms",
    (0, 0): "correct_absences",
    (1, -1): "unanswered",
    (0, -1): "unanswered",
}


@pytest.mark.parametrize("k", [1, 19])
def test_counts_are_those_of_a_loop(rng, k) -> None:
    true, pred = (rng.integers(-1, 2, (11, k)).astype(np.int8) for _ in range(2))
    expected = {name: np.zeros(k, int) for name in PresenceCounts._fields}
    for n in range(11):
        for j in range(k):
            if (kind := KIND.get((int(true[n, j]), int(pred[n, j])))) is not None:
                expected[kind][j] += 1

    columns = presence_counts(torch.from_numpy(pred), torch.from_numpy(true), per_landmark=True)
    overall = presence_counts(torch.from_numpy(pred), torch.from_numpy(true))

    for name, counts in expected.items():
        assert getattr(columns, name).tolist() == counts.tolist(), name
        assert int(getattr(overall, name)) == counts.sum(), name


def test_an_undefined_truth_is_in_no_count() -> None:
    counts = presence_counts(torch.tensor([[1, 0, -1]]), torch.tensor([[-1, -1, -1]]))
    assert [int(c) for c in counts] == [0, 0, 0, 0, 0]


def test_a_miss_is_not_a_false_alarm() -> None:
    counts = presence_counts(status_pred=torch.tensor([[0]]), status_true=torch.tensor([[1]]))
    assert (int(counts.misses), int(counts.false_alarms)) == (1, 0)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(1, 2\) and \(2, 1\)"):
        presence_counts(torch.ones(1, 2), torch.ones(2, 1))


CASE = json.loads((Path(__file__).parent / "data" / "frozen_case.json").read_text())


def frozen(dtype=torch.float32) -> dict[str, torch.Tensor]:
    true = torch.tensor(CASE["true"], dtype=dtype)
    return {
        "y_pred": true + torch.tensor(CASE["displacement_px"], dtype=dtype),
        "y": true,
        "status": torch.tensor(CASE["status_true"], dtype=torch.int8),
        "status_pred": torch.tensor(CASE["status_pred"], dtype=torch.int8),
    }


# Errors 5 1 2 0 13 10 4 mm; means of the four images 8/3, 13/2, 10, 4 mm. All worked out by hand.
EXPECTED = {
    ("mre", None): 5.0,
    ("median", None): 4.0,
    ("sd", None): math.sqrt(140 / 6),
    ("sdr", 2.0): 3 / 7,
    ("sdr", 4.0): 4 / 7,
    ("sdr", 10.0): 6 / 7,
    ("me", None): (8 / 3 + 13 / 2 + 10 + 4) / 4,
    ("failure_rate", 4.0): 0.5,
    ("auc", 10.0): ((1 - 8 / 30) + (1 - 13 / 20) + 0 + (1 - 4 / 10)) / 4,
}


@pytest.mark.parametrize(("quantity", "threshold"), EXPECTED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_frozen_case_to_the_last_digit(quantity, threshold, dtype) -> None:
    metric = LandmarkMetric(quantity, threshold, unit="mm")
    metric(**frozen(dtype), spacing=CASE["spacing"])
    assert float(metric.aggregate()) == pytest.approx(EXPECTED[quantity, threshold], rel=1e-12)


def test_the_errors_of_the_frozen_case() -> None:
    errors = LandmarkMetric(unit="mm")(**frozen(), spacing=CASE["spacing"])[0]
    expected = np.array(CASE["errors_mm"], dtype=float)
    np.testing.assert_array_equal(errors.numpy(), expected)


def test_presence_of_the_frozen_case() -> None:
    metric = LandmarkMetric(unit="mm")
    metric(**frozen(), spacing=CASE["spacing"])
    counts = metric.presence()
    assert [int(c) for c in counts] == [7, 1, 1, 1, 1]
    assert metric.presence(per_landmark=True).misses.tolist() == [1, 0, 0]
    assert metric.presence(per_landmark=True).false_alarms.tolist() == [0, 0, 1]


def test_statistics_per_landmark_of_the_frozen_case() -> None:
    metric = LandmarkMetric(unit="mm")
    metric(**frozen(), spacing=CASE["spacing"])
    values = metric.statistics([2.0], per_landmark=True)
    assert values.count.tolist() == [2, 3, 2]
    assert values.mean.tolist() == [2.5, 6.0, 6.0]
    assert values.sdr.tolist()[0] == pytest.approx([1 / 2, 1 / 3, 1 / 2])


def test_batches_of_unequal_size_count_by_landmark_and_not_by_batch() -> None:
    whole, parts = LandmarkMetric(unit="mm"), LandmarkMetric(unit="mm")
    whole(**frozen(), spacing=CASE["spacing"])
    for rows in (slice(0, 1), slice(1, 4)):
        parts(**{key: value[rows] for key, value in frozen().items()}, spacing=CASE["spacing"])
    assert parts.aggregate() == whole.aggregate() == 5


def test_lists_of_images_are_one_batch() -> None:
    metric = LandmarkMetric(unit="mm")
    metric(**{key: list(value) for key, value in frozen().items()}, spacing=[CASE["spacing"]] * 4)
    assert metric.aggregate() == 5


def test_reset_forgets() -> None:
    metric = LandmarkMetric()
    metric(torch.full((1, 1, 2), 100.0), torch.zeros(1, 1, 2))
    metric.reset()
    metric(torch.tensor([[[3.0, 4.0]]]), torch.zeros(1, 1, 2))
    assert metric.aggregate() == 5


def test_everything_missing_is_nan() -> None:
    metric = LandmarkMetric("sdr", 1.0)
    metric(torch.zeros(2, 3, 2), torch.zeros(2, 3, 2), status=torch.zeros(2, 3))
    assert metric.aggregate().isnan()


def test_direction_of_each_quantity() -> None:
    better_high = {q for q, _ in EXPECTED if LandmarkMetric(q, 1.0).higher_is_better}
    assert better_high == {"sdr", "auc"}


def test_a_metric_that_saw_nothing_says_so() -> None:
    with pytest.raises(InputError, match="not received an image yet"):
        LandmarkMetric().aggregate()


def test_units_are_never_mixed() -> None:
    points = torch.zeros(1, 1, 2)
    with pytest.raises(InputError, match="in px but was given a spacing"):
        LandmarkMetric(unit="px")(points, points, spacing=(1, 1))
    with pytest.raises(InputError, match="in mm but was given no spacing"):
        LandmarkMetric(unit="mm")(points, points)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantity": "rmse"}, "'rmse'"),
        ({"unit": "cm"}, "'cm'"),
        ({"quantity": "sdr"}, "needs a positive threshold in px, not None"),
        ({"quantity": "auc", "threshold": 0.0}, "not 0.0"),
    ],
)
def test_a_wrong_setting_is_refused(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        LandmarkMetric(**arguments)
