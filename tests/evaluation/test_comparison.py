from __future__ import annotations

import io

import pytest
from rich.console import Console

from monai_ext.evaluation import comparison_table, evaluate_landmarks, normalize_scores
from monai_ext.landmarks import InputError


@pytest.fixture
def rows(make_landmarks):
    """Two methods on two images: image errors of 3 and 1 px, and of 5 and 6 px; 50 px between the landmarks."""

    def pairs(first, second):
        truth = make_landmarks([(0, 0), (30, 40)], names=("a", "b"), spacing=None)
        return [
            (name, truth, make_landmarks([(error, 0), (30, 40 + error)], names=("a", "b"), spacing=None))
            for name, error in (("i", first), ("j", second))
        ]

    return {"good [1]": pairs(3, 1), "bad": pairs(5, 6)}


def printed(table) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=160)
    console.print(table)
    return [line.split("  ") for line in console.file.getvalue().splitlines()]


def cells(table, name: str) -> list[str]:
    row = next(row for row in printed(table) if row[0].strip() == name)
    return [cell.strip() for cell in row if cell.strip()]


def test_each_row_has_me_sd_failure_rate_and_area(rows):
    table = comparison_table({name: evaluate_landmarks(pairs, [2], 4, 10) for name, pairs in rows.items()})

    assert cells(table, "good [1]") == ["good [1]", "2.000", "2.000 ± 1.414", "0.00 %", "0.800"]
    assert cells(table, "bad") == ["bad", "5.500", "5.500 ± 0.707", "100.00 %", "0.450"]


def test_percent_stand_in_columns_of_their_own(rows):
    evaluations = {name: evaluate_landmarks(pairs, [2], 4, 10) for name, pairs in rows.items()}
    shares = {name: normalize_scores(evaluations[name], pairs, ("a", "b"), 8.0) for name, pairs in rows.items()}
    table = comparison_table(evaluations, shares)

    assert list(table.headings[-3:]) == ["ME ± SD %", "FR > 8 %", "AUC 8 %"]
    assert cells(table, "good [1]")[-3:] == ["4.000 ± 2.828", "0.00 %", "0.500"]
    assert cells(table, "bad")[-3:] == ["11.000 ± 1.414", "100.00 %", "0.000"]


def test_rows_that_measure_by_different_things_are_refused(rows):
    first, second = rows.values()
    with pytest.raises(InputError, match="same"):
        comparison_table({"x": evaluate_landmarks(first, [2], 4, 10), "y": evaluate_landmarks(second, [2], 5, 10)})
    with pytest.raises(InputError, match="same"):
        comparison_table({})


def test_normalised_scores_are_of_the_same_rows(rows):
    pairs = rows["bad"]
    evaluation = evaluate_landmarks(pairs, [2], 4, 10)
    with pytest.raises(InputError, match="same names"):
        comparison_table({"x": evaluation}, {"y": normalize_scores(evaluation, pairs, ("a", "b"))})
