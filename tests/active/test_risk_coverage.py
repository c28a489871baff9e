from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from monai_ext.active.measure_comparison import risk_coverage, spearman
from monai_ext.landmarks import InputError


def test_the_curve_is_the_mean_error_of_the_surest(rng) -> None:
    unsure, errors = rng.random(50), rng.exponential(2, 50)

    found = risk_coverage(unsure, errors)

    for n in range(1, 51):
        limit = sorted(unsure)[n - 1]
        assert found.risk[n - 1] == pytest.approx(
            np.mean([e for u, e in zip(unsure, errors, strict=True) if u <= limit])
        )
    assert found.coverage.tolist() == pytest.approx([n / 50 for n in range(1, 51)])
    assert found.area == pytest.approx(found.risk.mean())
    assert found.chance_area == pytest.approx(errors.mean())
    assert found.risk_at(1) == pytest.approx(errors.mean())
    assert found.risk_at(0.8) == found.risk[39]
    assert found.risk_at(0.801) == found.risk[40]
    assert found.risk_at(0.001) == found.risk[0]


def test_equal_uncertainties_have_no_order() -> None:
    unsure, errors = np.array([1, 2, 2, 2, 3]), np.array([5.0, 1.0, 2.0, 9.0, 0.0])

    found = risk_coverage(unsure, errors)

    # the mean over all orders of the three in the middle
    orders = [np.array([5.0, *middle, 0.0]).cumsum() / np.arange(1, 6) for middle in itertools.permutations([1, 2, 9])]
    assert found.risk == pytest.approx(np.mean(orders, axis=0))


def test_the_gain_is_1_for_the_errors_themselves_and_0_for_nothing(rng) -> None:
    errors = rng.exponential(2, 300)

    assert risk_coverage(errors**3, errors).gain == pytest.approx(1)
    assert risk_coverage(np.zeros(300), errors).gain == pytest.approx(0)
    assert risk_coverage(-errors, errors).gain < -0.5
    assert risk_coverage(errors, np.ones(300)).gain is None


def test_unknown_pairs_do_not_count(rng) -> None:
    unsure, errors = rng.random(20), rng.random(20)
    holes = unsure.copy(), errors.copy()
    holes[0][3], holes[1][7] = np.nan, np.nan
    kept = [n for n in range(20) if n not in (3, 7)]

    assert risk_coverage(*holes).risk == pytest.approx(risk_coverage(unsure[kept], errors[kept]).risk)
    assert spearman(*holes) == pytest.approx(spearman(unsure[kept], errors[kept]))


def test_the_rank_correlation_is_spearmans(rng) -> None:
    for digits in (1, 8):
        a, b = rng.random((2, 40)).round(digits)
        assert spearman(a, a + b) == pytest.approx(spearmanr(a, a + b).statistic)
    assert spearman([1, 2, 3], [9, 4, 1]) == pytest.approx(-1)
    assert spearman([1.0, 1.0, 1.0], [1, 2, 3]) is None
    assert spearman([1.0], [1.0]) is None


def test_wrong_shapes_and_no_pair_are_refused() -> None:
    with pytest.raises(InputError, match=r"one shape \(N,\), not \(3,\) and \(2,\)"):
        risk_coverage([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="no landmark with an uncertainty and an error"):
        risk_coverage([np.nan], [1.0])
