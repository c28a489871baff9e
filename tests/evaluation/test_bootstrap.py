"""Bootstrap intervals over images: against SciPy, and where there is nothing to resample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from monai_ext.evaluation import difference_interval, mean_interval
from monai_ext.landmarks import InputError


def scipy_interval(sums: np.ndarray, counts: np.ndarray, seed: int) -> tuple[float, float]:
    """SciPy's percentile bootstrap of a ratio of sums, images drawn together."""
    found = stats.bootstrap(
        (sums, counts),
        lambda s, c, axis=-1: s.sum(axis=axis) / c.sum(axis=axis),
        n_resamples=9999,
        paired=True,
        vectorized=True,
        confidence_level=0.95,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


@pytest.mark.parametrize("k", [1, 19])
def test_it_is_scipys_percentile_bootstrap(rng, k) -> None:
    errors = rng.gamma(2.0, 1.5, (40, k))
    errors[rng.random((40, k)) < 0.2] = np.nan
    errors[3] = np.nan
    known = ~np.isnan(errors)
    measured = known.any(axis=1)

    found = mean_interval(errors, seed=7)

    low, high = scipy_interval(np.nansum(errors, axis=1)[measured], known.sum(axis=1)[measured].astype(float), 7)
    assert found.mean == pytest.approx(np.nanmean(errors))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert (found.images, found.distances) == (int(measured.sum()), int(known.sum()))


def test_many_images_in_parts_are_the_same_distribution(rng) -> None:
    errors = rng.gamma(2.0, 1.5, (1500, 2))  # more than are drawn at once

    found = mean_interval(errors)

    spread = errors.mean(axis=1).std() / math.sqrt(1500)
    assert found.low == pytest.approx(errors.mean() - 1.96 * spread, abs=0.1 * spread)
    assert found.high == pytest.approx(errors.mean() + 1.96 * spread, abs=0.1 * spread)


def test_landmarks_of_one_image_are_not_independent() -> None:
    one = np.arange(20.0)[:, None]

    many = np.repeat(one, 10, axis=1)  # ten landmarks that say the same: no more is known than from one

    assert mean_interval(many)[1:3] == pytest.approx(mean_interval(one)[1:3])


def test_the_difference_is_on_what_both_measured(rng) -> None:
    reference = rng.gamma(2.0, 2.0, (30, 3))
    errors = reference - 0.5 + 0.1 * rng.standard_normal((30, 3))
    errors[4, 1], reference[9, 2], reference[5] = np.nan, np.nan, np.nan

    found = difference_interval(errors, reference)

    assert found.mean == pytest.approx(np.nanmean(errors - reference))
    assert (found.images, found.distances) == (29, 30 * 3 - 5)
    assert found.low < found.mean < found.high < 0  # though each error alone is spread far wider
    assert mean_interval(errors).high > mean_interval(reference).low


@pytest.mark.parametrize("k", [1, 3])
def test_images_of_a_subject_are_drawn_together(rng, k) -> None:
    subjects = rng.permutation(np.repeat(np.arange(13), 3))  # 13 subjects of 3 images
    errors = rng.gamma(2.0, 1.5, (39, k)) + 10 * (subjects[:, None] % 2)
    errors[rng.random((39, k)) < 0.2] = np.nan
    known = ~np.isnan(errors)
    of = [subjects == number for number in range(13)]
    sums, counts = (np.array([part[own].sum() for own in of]) for part in (np.nan_to_num(errors), known.astype(float)))

    found = mean_interval(errors, subjects.tolist(), seed=7)

    assert (found.low, found.high) == pytest.approx(scipy_interval(sums, counts, 7), rel=1e-12)
    assert found.mean == pytest.approx(np.nanmean(errors))
    assert (found.images, found.distances) == (int(known.any(axis=1).sum()), int(known.sum()))
    alone = mean_interval(errors, seed=7)
    assert found.high - found.low > 1.3 * (alone.high - alone.low)
    assert mean_interval(errors, range(39), seed=7) == alone
    difference = difference_interval(errors, np.ones((39, k)), subjects.tolist(), seed=7)
    assert difference[:3] == pytest.approx([value - 1 for value in found[:3]])
    one = mean_interval(errors, [5] * 39)
    assert (one.known, one.images) == (False, found.images)
    with pytest.raises(InputError, match="39 images need as many numbers of subjects, not 3"):
        mean_interval(errors, [0, 1, 2])


def test_one_image_has_a_mean_and_no_interval() -> None:
    found = mean_interval([[1.0, 2.0], [math.nan, math.nan]])

    assert (found.mean, found.images, found.distances, found.known) == (1.5, 1, 2, False)
    assert math.isnan(found.low)


def test_nothing_measured_is_no_number() -> None:
    found = mean_interval(np.full((3, 2), np.nan))

    assert math.isnan(found.mean)
    assert (found.images, found.known) == (0, False)


def test_equal_errors_have_an_interval_without_width() -> None:
    assert mean_interval(np.full((5, 2), 3.0))[:3] == (3.0, 3.0, 3.0)


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(images, landmarks\), not \(3,\)"):
        mean_interval([1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="level in"):
        mean_interval([[1.0]], level=95)
    with pytest.raises(InputError, match=r"\(2, 1\) and \(1, 1\)"):
        difference_interval([[1.0], [2.0]], [[1.0]])
