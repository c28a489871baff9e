"""Radial errors and their statistics against plain loops."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import torch

from monai_ext.landmarks import InputError
from monai_ext.metrics import error_statistics, image_errors, normalized_errors, pair_distances, radial_errors, within


def random_case(rng: np.random.Generator, n: int, k: int) -> tuple[torch.Tensor, ...]:
    pred, true = (torch.from_numpy(rng.uniform(0, 300, (n, k, 2))) for _ in range(2))
    status = [torch.from_numpy(rng.integers(-1, 2, (n, k)).astype(np.int8)) for _ in range(2)]
    return pred, true, *status


def looped_errors(pred, true, status_true, status_pred, spacing) -> list[list[float]]:
    rows = []
    for n in range(len(pred)):
        row = []
        for k in range(pred.shape[1]):
            dx = (float(pred[n, k, 0]) - float(true[n, k, 0])) * float(spacing[n][0])
            dy = (float(pred[n, k, 1]) - float(true[n, k, 1])) * float(spacing[n][1])
            known = int(status_true[n, k]) == 1 and int(status_pred[n, k]) == 1
            row.append(math.sqrt(dx * dx + dy * dy) if known else math.nan)
        rows.append(row)
    return rows


@pytest.mark.parametrize("k", [1, 19])
@pytest.mark.parametrize("kind", ["px", "one", "each"])
def test_errors_are_those_of_plain_loops(rng, k, kind) -> None:
    pred, true, status_true, status_pred = random_case(rng, 7, k)
    each = rng.uniform(0.1, 2, (7, 2))
    spacing = {"px": None, "one": (0.1, 0.37), "each": torch.from_numpy(each)}[kind]
    per_image = {"px": [(1, 1)] * 7, "one": [(0.1, 0.37)] * 7, "each": each.tolist()}[kind]

    errors = radial_errors(pred, true, status_true, status_pred, spacing)

    expected = looped_errors(pred, true, status_true, status_pred, per_image)
    np.testing.assert_allclose(errors.numpy(), expected, rtol=1e-12)


def test_the_first_spacing_belongs_to_x() -> None:
    pred, true = torch.tensor([[[10.0, 0.0], [0.0, 10.0]]]), torch.zeros(1, 2, 2)
    assert radial_errors(pred, true, spacing=(0.1, 0.2)).tolist() == [[1.0, 2.0]]


def test_a_spacing_per_image_is_not_one_per_landmark() -> None:
    pred, true = torch.ones(2, 2, 2) * torch.tensor([3.0, 4.0]), torch.zeros(2, 2, 2)
    assert radial_errors(pred, true, spacing=[(1, 1), (2, 2)]).tolist() == [[5.0, 5.0], [10.0, 10.0]]


def test_a_point_of_a_missing_landmark_takes_no_part_even_if_it_is_nan() -> None:
    pred = torch.tensor([[[math.nan, 1.0], [3.0, 4.0]]])
    errors = radial_errors(pred, torch.zeros(1, 2, 2), status_pred=torch.tensor([[0, 1]]))
    assert errors.isnan().tolist() == [[True, False]]
    assert errors[0, 1] == 5


def test_a_nan_that_counts_as_defined_is_refused() -> None:
    pred = torch.tensor([[[0.0, 0.0], [math.nan, 1.0]]])
    with pytest.raises(InputError, match=r"landmark 1 of image 0 .*nan"):
        radial_errors(pred, torch.zeros(1, 2, 2))


def test_single_precision_points_are_subtracted_in_double() -> None:
    pred, true = torch.tensor([[[2**24 - 1.0, 0.0]]]), torch.tensor([[[0.5, 0.0]]])
    assert radial_errors(pred, true).item() == 2**24 - 1.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"true": torch.zeros(2, 4, 2)}, r"\(N, K, 2\), not \(2, 3, 2\) and \(2, 4, 2\)"),
        ({"status_true": torch.ones(2, 4)}, r"\(2, 3\), not \(2, 4\)"),
        ({"spacing": (0.1, 0.1, 0.1)}, r"\(2,\) or \(2, 2\)"),
        ({"spacing": (0.1, 0.0)}, "positive"),
        ({"spacing": (0.1, math.nan)}, "positive"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        radial_errors(**{"pred": torch.zeros(2, 3, 2), "true": torch.zeros(2, 3, 2), **arguments})


@pytest.mark.parametrize("k", [1, 19])
def test_statistics_are_those_of_the_standard_library(rng, k) -> None:
    errors = rng.uniform(0, 5, (12, k))
    errors[rng.uniform(size=errors.shape) < 0.3] = np.nan
    thresholds = [1.0, 2.5]

    overall = error_statistics(torch.from_numpy(errors), thresholds)
    columns = error_statistics(torch.from_numpy(errors), thresholds, per_landmark=True)

    def check(measured: list[float], values) -> None:
        assert int(values[0]) == len(measured)
        assert float(values[1]) == pytest.approx(statistics.fmean(measured), rel=1e-12)
        assert float(values[2]) == pytest.approx(statistics.stdev(measured), rel=1e-12)
        assert float(values[3]) == pytest.approx(statistics.median(measured), rel=1e-12)
        rates = [sum(e <= t for e in measured) / len(measured) for t in thresholds]
        assert values[4].tolist() == pytest.approx(rates, rel=1e-12)

    check([e for e in errors.ravel() if not math.isnan(e)], overall)
    for j in range(k):
        check([e for e in errors[:, j] if not math.isnan(e)], [value[..., j] for value in columns])


def test_the_median_of_two_is_their_mean() -> None:
    assert error_statistics(torch.tensor([[1.0, 4.0]])).median == 2.5


def test_nothing_measurable_is_nan_and_not_zero() -> None:
    values = error_statistics(torch.full((3, 2), math.nan), [1.0])
    assert values.count == 0
    assert all(v.isnan().all() for v in values[1:])


def test_no_image_is_nan_too() -> None:
    values = error_statistics(torch.zeros(0, 4), [1.0])
    assert values.count == 0
    assert all(v.isnan().all() for v in values[1:])


def test_one_error_has_no_standard_deviation() -> None:
    values = error_statistics(torch.tensor([[2.0]]), [2.0])
    assert values.mean == 2
    assert values.sd.isnan()
    assert values.sdr.tolist() == [1.0]


def test_an_error_at_the_threshold_succeeds_in_spite_of_rounding() -> None:
    # 3 px of 0.1 mm is 0.30000000000000004 in double precision.
    errors = radial_errors(torch.tensor([[[3.0, 0.0]]]), torch.zeros(1, 1, 2), spacing=(0.1, 0.1))
    assert float(errors) > 0.3
    assert within(errors, [0.3]).item()
    assert not within(errors, [0.2999999]).item()


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_threshold_is_a_positive_distance(bad) -> None:
    with pytest.raises(InputError, match="positive distance"):
        error_statistics(torch.zeros(1, 1), [1.0, bad])


NAN = math.nan


def test_the_distance_is_that_of_the_two_landmarks_of_each_image():
    points = torch.tensor([[[0.0, 0.0], [9.0, 9.0], [30.0, 40.0]], [[1.0, 1.0], [2.0, 2.0], [1.0, 13.0]]])

    assert pair_distances(points, (0, 2)).tolist() == [50.0, 12.0]
    assert pair_distances(points, (2, 0)).tolist() == [50.0, 12.0]


def test_a_spacing_stretches_each_axis_of_each_image():
    points = torch.tensor([[[0.0, 0.0], [30.0, 40.0]], [[0.0, 0.0], [30.0, 40.0]]])
    spacing = torch.tensor([[1.0, 1.0], [0.5, 0.2]], dtype=torch.float64)

    assert pair_distances(points, (0, 1), spacing=spacing).tolist() == [50.0, 17.0]


def test_there_is_no_distance_where_a_landmark_is_absent_or_both_are_at_one_place():
    points = torch.tensor([[[0.0, 0.0], [NAN, NAN]], [[0.0, 0.0], [3.0, 4.0]], [[5.0, 5.0], [5.0, 5.0]]])
    status = torch.tensor([[1, -1], [0, 1], [1, 1]], dtype=torch.int8)

    assert all(math.isnan(value) for value in pair_distances(points, (0, 1), status).tolist())


@pytest.mark.parametrize("pair", [(0, 0), (0, 2), (-1, 0)])
def test_a_pair_is_two_landmarks_that_there_are(pair):
    with pytest.raises(InputError, match="two different landmarks out of 2"):
        pair_distances(torch.zeros(1, 2, 2), pair)


def test_errors_become_shares_image_by_image():
    errors = torch.tensor([[1.0, 3.0], [2.0, NAN], [7.0, 7.0]], dtype=torch.float64)
    shares = normalized_errors(errors, torch.tensor([50.0, 8.0, NAN], dtype=torch.float64))

    assert image_errors(shares).tolist()[:2] == pytest.approx([0.04, 0.25])
    assert math.isnan(image_errors(shares)[2])


def test_shapes_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match=r"\(3, 2\) by \(2,\)"):
        normalized_errors(torch.zeros(3, 2), torch.ones(2))
