from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from monai_ext.active import STRATEGIES, Candidates, select, selection
from monai_ext.landmarks import InputError


def ids_of(number: int) -> tuple[str, ...]:
    return tuple(f"image_{n:03d}" for n in range(number))


def greedy(ids, features, labelled, count) -> list[str]:
    """Each time the largest distance to the nearest centre, all distances computed anew."""
    centres, chosen = list(labelled), []
    for _ in range(min(count, len(ids))):
        distances = cdist(features, np.array(centres)).min(1)
        rest = [n for n in range(len(ids)) if ids[n] not in chosen]
        best = max(rest, key=lambda n: (distances[n], [-ord(c) for c in ids[n]]))
        chosen.append(ids[best])
        centres.append(features[best])
    return chosen


def cost(features, centres, scores) -> float:
    """Facility location: the distance of every candidate to its nearest centre, weighted by its score."""
    return float(cdist(features, np.array(centres)).min(1) @ scores)


def cheapest(ids, features, labelled, scores, count) -> list[str]:
    """Each time the image after which the cost is least, all costs computed anew."""
    centres, chosen = list(labelled), []
    for _ in range(min(count, len(ids))):
        rest = [n for n in range(len(ids)) if ids[n] not in chosen]
        best = min(rest, key=lambda n: cost(features, [*centres, features[n]], scores))
        chosen.append(ids[best])
        centres.append(features[best])
    return chosen


@pytest.fixture
def candidates(rng) -> Candidates:
    ids = list(ids_of(40))
    rng.shuffle(ids)
    return Candidates(tuple(ids), rng.random(40), rng.standard_normal((40, 7)), rng.standard_normal((5, 7)), seed=3)


def test_uncertainty_takes_the_largest_scores_in_their_order(candidates) -> None:
    scores = dict(zip(candidates.ids, candidates.scores, strict=True))

    chosen = select("uncertainty", candidates, 12)

    assert [scores[id] for id in chosen] == sorted(scores.values(), reverse=True)[:12]


@pytest.mark.parametrize("count", [1, 12, 40])
def test_diversity_is_the_greedy_rule(candidates, count) -> None:
    expected = greedy(candidates.ids, candidates.features, candidates.labelled, count)

    assert select("diversity", candidates, count) == expected


@pytest.mark.parametrize("count", [1, 12, 39])
def test_hybrid_takes_what_makes_the_cost_least(candidates, count) -> None:
    expected = cheapest(candidates.ids, candidates.features, candidates.labelled, candidates.scores, count)

    assert select("hybrid", candidates, count) == expected
    rescaled = dataclasses.replace(
        candidates,
        scores=1024 * candidates.scores,
        features=candidates.features / 64,
        labelled=candidates.labelled / 64,
    )
    assert select("hybrid", rescaled, count) == expected


def test_hybrid_is_near_the_best_of_all_sets(candidates) -> None:
    ids, features, scores = ids_of(9), candidates.features[:9], candidates.scores[:9]
    few = Candidates(ids, scores, features, candidates.labelled)
    before = cost(features, candidates.labelled, scores)

    def gain(chosen) -> float:
        return before - cost(features, [*candidates.labelled, *(features[ids.index(id)] for id in chosen)], scores)

    best = max(gain(chosen) for chosen in itertools.combinations(ids, 3))
    assert (1 - 1 / np.e) * best <= gain(select("hybrid", few, 3)) <= best + 1e-12


def test_hybrid_prefers_an_unsure_crowd_to_an_odd_image(rng) -> None:
    sure = rng.normal((10, 0), 0.1, (20, 2))
    unsure = rng.normal((0, 10), 0.1, (20, 2))
    features = np.concatenate([sure, unsure, [[30.0, 30.0]]])
    scores = np.concatenate([np.full(20, 0.1), np.full(20, 1.0), [1.0]])
    crowd = Candidates(ids_of(41), scores, features, np.zeros((1, 2)))

    chosen = [int(id[-3:]) for id in select("hybrid", crowd, 3)]

    assert 20 <= chosen[0] < 40
    assert chosen[1] == 40  # alone, but farther than all that is left
    assert chosen[2] < 20
    assert select("diversity", crowd, 1) == ["image_040"]


def test_in_a_large_pool_every_nth_candidate_is_weighed(rng, monkeypatch) -> None:
    monkeypatch.setattr(selection, "DEMAND", 20)
    features, scores = rng.standard_normal((50, 3)), rng.random(50)
    labelled = rng.standard_normal((2, 3))
    costs = [cost(features[::3], [*labelled, point], scores[::3]) for point in features]

    assert select("hybrid", Candidates(ids_of(50), scores, features, labelled), 1) == [ids_of(50)[np.argmin(costs)]]


def test_without_labels_diversity_begins_in_the_middle_and_hybrid_where_the_cost_is_least(candidates) -> None:
    alone = dataclasses.replace(candidates, labelled=None)
    middle = int(np.linalg.norm(alone.features - alone.features.mean(0), axis=1).argmin())

    assert select("diversity", alone, 6) == [
        alone.ids[middle],
        *greedy(alone.ids, alone.features, [alone.features[middle]], 5),
    ]
    assert select("hybrid", alone, 6) == cheapest(alone.ids, alone.features, [], alone.scores, 6)


def test_hybrid_goes_on_by_score_where_nothing_is_novel() -> None:
    copies = Candidates(ids_of(3), np.array([0.2, 0.9, 0.5]), np.ones((3, 2)), np.ones((1, 2)))

    assert select("hybrid", copies, 3) == ["image_001", "image_002", "image_000"]


def test_random_depends_on_the_seed_and_on_nothing_else(candidates) -> None:
    chosen = select("random", candidates, 10)
    fewer = Candidates(tuple(sorted(set(candidates.ids) - {chosen[4]})), seed=3)

    assert select("random", fewer, 9) == [id for id in chosen if id != chosen[4]]
    assert select("random", candidates, 4) == chosen[:4]
    others = [select("random", Candidates(candidates.ids, seed=seed), 10) for seed in range(200)]
    drawn = [id for ids in others for id in ids]
    # 200 seeds draw each of 40 images 50 times in the mean, with a deviation of 6
    assert max(abs(drawn.count(id) - 50) for id in candidates.ids) < 26


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_order_of_candidates_and_repeated_calls_change_nothing(candidates, rng, strategy) -> None:
    order = rng.permutation(40)
    mixed = Candidates(
        tuple(candidates.ids[n] for n in order),
        candidates.scores[order],
        candidates.features[order],
        candidates.labelled,
        seed=3,
    )

    chosen = select(strategy, candidates, 15)

    assert select(strategy, candidates, 15) == chosen
    assert select(strategy, mixed, 15) == chosen
    assert select(strategy, candidates, 5) == chosen[:5]


@pytest.mark.parametrize("strategy", ["uncertainty", "diversity", "hybrid"])
def test_equals_come_in_the_order_of_their_ids(strategy) -> None:
    ids = ("d", "b", "a", "c")
    same = Candidates(ids, np.full(4, 0.5), np.ones((4, 3)), np.zeros((1, 3)))

    assert select(strategy, same, 4) == ["a", "b", "c", "d"]
    assert select(strategy, dataclasses.replace(same, labelled=None), 4) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_more_than_there_are_gives_all_once(candidates, strategy) -> None:
    assert sorted(select(strategy, candidates, 99)) == sorted(candidates.ids)
    empty = Candidates((), np.zeros(0), np.zeros((0, 7)), candidates.labelled)
    assert select(strategy, empty, 5) == []
    assert select(strategy, candidates, 0) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ids": ("a", "a")}, "'a' occurs more than once"),
        ({"scores": np.ones(3)}, r"scores of 2 candidates have a different shape: \(3,\)"),
        ({"features": np.ones(2)}, r"features of 2 candidates have a different shape: \(2,\)"),
        ({"scores": np.array([1, np.nan])}, "finite"),
    ],
)
def test_candidates_that_do_not_fit_are_refused(options, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        Candidates(**{"ids": ("a", "b"), **options})


@pytest.mark.parametrize(
    ("strategy", "options", "sentence"),
    [
        ("best", {}, "no strategy 'best': use one of random, uncertainty, diversity, hybrid"),
        ("uncertainty", {}, "uncertainty needs the scores"),
        ("diversity", {}, "diversity needs the features"),
        ("hybrid", {"scores": np.ones(2)}, "hybrid needs the features"),
        ("hybrid", {"scores": -np.ones(2), "features": np.ones((2, 3))}, "the smallest is -1"),
        (
            "diversity",
            {"features": np.ones((2, 3)), "labelled": np.ones((1, 2))},
            "length of the candidates', 3, not 2",
        ),
    ],
)
def test_a_strategy_says_what_it_lacks(strategy, options, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        select(strategy, Candidates(("a", "b"), **options), 1)


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(InputError, match="0 or more, not -1"):
        select("random", Candidates(("a",)), -1)
