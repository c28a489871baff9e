from __future__ import annotations

import pytest

from monai_ext.experiments.rounds import RoundCell, all_cells, check_strategies, label_counts
from monai_ext.landmarks import InputError


def test_the_last_batch_may_be_what_is_left() -> None:
    assert label_counts(20, 20, 3, 200) == (20, 40, 60, 80)
    with pytest.warns(UserWarning, match="There are 50 labelled training images and not 100: 2 of 4 rounds are made"):
        assert label_counts(20, 20, 4, 50) == (20, 40, 50)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ((0, 5, 5, 50), "at least 1, not 0, 5 and 5"),
        ((5, 5, 0, 50), "at least 1, not 5, 5 and 0"),
        ((50, 5, 5, 50), "--initial asks for 50 of 50 labelled training images"),
    ],
)
def test_numbers_without_meaning_are_refused(numbers, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        label_counts(*numbers)


def test_the_first_labels_of_a_seed_are_one_cell() -> None:
    cells = all_cells(("random", "hybrid"), (3, 5, 7), 2)

    assert [cell.name for cell in cells[:5]] == [
        "initial_3_seed0",
        "random_5_seed0",
        "hybrid_5_seed0",
        "random_7_seed0",
        "hybrid_7_seed0",
    ]
    assert cells[5:] == [RoundCell(cell.strategy, cell.round, cell.labels, 1) for cell in cells[:5]]
    assert cells[4].title == "hybrid, 7 labels, seed 0"


def test_strategies_count_once_and_unknown_ones_are_refused() -> None:
    assert check_strategies(["random", "hybrid", "random"]) == ("random", "hybrid")
    with pytest.raises(InputError, match="names from random, uncertainty, diversity, hybrid, not 'best'"):
        check_strategies(["random", "best"])
    with pytest.raises(InputError, match="at least one"):
        check_strategies([])
