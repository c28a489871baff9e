"""Permutation tests of failure causes with several images of a subject, whose errors are alike."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from test_failure_causes import factors

from monai_ext.evaluation import find_causes
from monai_ext.evaluation.exchange import exchangeable_landmarks, image_orders


def test_images_of_a_subject_stay_together_and_subjects_of_one_size_change_places() -> None:
    subjects = np.array([7, 4, 7, 5, 5, 9, 9, 9, 2, 3])

    orders = image_orders(subjects, 4000, np.random.default_rng(0))

    assert (np.sort(orders, axis=1) == np.arange(10)).all()
    assert {tuple(order[[5, 6, 7]]) for order in orders} == set(itertools.permutations((5, 6, 7)))  # the only one of 3
    pairs = {(tuple(order[[0, 2]]), tuple(order[[3, 4]])) for order in orders}
    assert pairs == {
        sides
        for a, b in itertools.product(itertools.permutations((0, 2)), itertools.permutations((3, 4)))
        for sides in ((a, b), (b, a))
    }
    assert {tuple(order[[1, 8, 9]]) for order in orders} == set(itertools.permutations((1, 8, 9)))


def test_without_subjects_each_order_is_as_likely() -> None:
    orders = image_orders(np.arange(3), 6000, np.random.default_rng(1))

    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert stats.chisquare(counts).pvalue > 0.001
    assert len(counts) == 6


def test_labels_change_places_where_landmarks_are_measured_in_the_same_images() -> None:
    values = np.array(
        [[1.0, 2.0, 6.0, np.nan], [0.0, 4.0, np.nan, 5.0], [3.0, 3.0, 9.0, 1.0], [np.nan, np.nan, 1, np.nan]]
    )

    first, second = exchangeable_landmarks(values, np.array([0, 0, 1, 2]))

    # apart from the mean of the others: -3, -1.5 in the first image, -4.5, 1.5 in the second; -7.5 and 0 less -3.75
    assert (first.columns.tolist(), first.apart.tolist()) == ([0, 1], [-3.75, 3.75])
    assert second.columns.tolist() == [0, 1, 2, 3]
    assert second.apart == pytest.approx([3 - 13 / 3, 3 - 13 / 3, 9 - 7 / 3, 1 - 5])


def test_a_factor_of_subjects_has_the_p_value_of_permuted_subjects() -> None:
    rng = np.random.default_rng(8)
    subjects, white = np.repeat(np.arange(12), 2), rng.random(12)
    bright = white >= np.quantile(white, 0.75)
    logs = rng.normal(0, 0.6, 12)[subjects] + rng.normal(0, 0.2, 24) + 0.7 * bright[subjects]
    of_subject = logs.reshape(12, 2).mean(axis=1)
    reference = stats.permutation_test(
        (of_subject[bright], of_subject[~bright]),
        lambda a, b: a.mean() - b.mean(),
        n_resamples=np.inf,  # exact: 220 ways
        alternative="greater",
        vectorized=False,
    ).pvalue

    given = factors({"overexposed": white[subjects]}, k=1, n=24)
    (cause,) = find_causes(np.exp(logs)[:, None], ("one",), given, 1e6, subjects).causes

    assert 0.005 < reference < 0.05
    assert cause.p == pytest.approx(reference, abs=4 * math.sqrt(reference / 9999))


def test_the_p_value_of_a_landmark_is_that_of_all_orders_of_the_subjects_labels() -> None:
    rng, subjects = np.random.default_rng(3), np.repeat(np.arange(5), 3)
    logs = rng.normal(0, 0.4, (5, 3))[subjects] + rng.normal(0, 0.1, (15, 3)) + np.array([0, 0, 1.0])
    apart = logs - (logs.sum(axis=1, keepdims=True) - logs) / 2
    sums = apart.reshape(5, 3, 3).sum(axis=1)
    orders = np.array(list(itertools.permutations(range(3))))
    ways = np.array(list(itertools.product(range(6), repeat=5)))  # 7,776
    mixed = np.take_along_axis(np.broadcast_to(sums, (len(ways), 5, 3)), orders[ways], axis=2).sum(axis=1)
    reference = np.mean(mixed.max(axis=1) >= sums.sum(axis=0)[2] - 1e-9)

    (cause,) = find_causes(np.exp(logs), ("a", "b", "c"), factors(k=3, n=15), 1e6, subjects).causes

    assert cause.name == "landmark c"
    assert 0.0005 < reference < 0.05
    assert cause.p == pytest.approx(reference, abs=4 * math.sqrt(reference / 9999))


@pytest.mark.parametrize("kind", ["factor of the subject", "factor of the image", "landmark"])
def test_what_is_not_there_is_rarely_found_in_many_images_of_few_subjects(kind) -> None:
    rng, told, subjects = np.random.default_rng(0), 0, np.repeat(np.arange(12), 6)
    k = 2 if kind == "landmark" else 1
    for _ in range(24):
        errors = np.exp(rng.normal(0, 1, (12, k))[subjects] + rng.normal(0, 0.3, (72, k)))
        value = rng.random(72) if kind == "factor of the image" else rng.random(12)[subjects]
        given = factors({} if kind == "landmark" else {"brightness": value}, k=k, n=72)
        told += bool(find_causes(errors, ("a", "b")[:k], given, 1e6, subjects).causes)

    assert told <= stats.binom.ppf(0.999, 24, 0.05)
