"""The terminal tables and the CSV file of an evaluation."""

from __future__ import annotations

import csv

import pytest
from rich.console import Console

from monai_ext.evaluation import (
    comparison_table,
    evaluate_landmarks,
    landmark_table,
    mean_interval,
    normalize_scores,
    overall_table,
    readable_date,
    significant,
    write_error_csv,
)
from monai_ext.landmarks import InputError


def printed(table, width: int = 160) -> list[str]:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    return console.export_text().splitlines()


def row_of(table, start: str) -> list[str]:
    line = next(line for line in printed(table) if start in line)
    if "│" not in line and "┃" not in line:
        return line.split()
    return [cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")]


def test_the_overall_table_states_values_with_their_unit(pairs) -> None:
    table = overall_table(evaluate_landmarks(pairs, [2], 4, 10))
    assert row_of(table, "Mean radial error ±") == ["Mean radial error ± SD", "5.000 ± 4.830 mm"]
    assert row_of(table, "≤ 2") == ["Success rate, error ≤ 2 mm", "42.86 %"]
    assert row_of(table, "Failure") == ["Failure rate, image > 4 mm", "50.00 %"]
    assert row_of(table, "AUC") == ["AUC up to 10 mm", "0.421"]
    assert row_of(table, "Misses") == ["Misses", "1"]


def test_the_overall_table_states_the_interval_of_the_mean_over_images(pairs) -> None:
    nan = float("nan")
    told = mean_interval([[5, 1, 2], [0, 13, nan], [nan, nan, 10], [nan, 4, nan]])
    (row,) = (row for row in overall_table(evaluate_landmarks(pairs, [2], 4, 10)).rows if "interval" in row[0])
    assert row == ("  95 % interval of the mean", f"{told.low:.3f} to {told.high:.3f} mm")
    alone = overall_table(evaluate_landmarks(pairs[:1], [2], 4, 10))
    assert not [row for row in alone.rows if "interval" in row[0]]


def test_the_landmark_table_has_a_row_for_each_and_for_all(pairs) -> None:
    table = landmark_table(evaluate_landmarks(pairs, [2], 4, 10))
    assert printed(table)[0].strip() == "Per landmark (lengths in mm, rates in %)"
    assert row_of(table, "Landmark")[:3] == ["Landmark", "n", "MRE"]
    assert row_of(table, "fovea") == ["fovea", "2", "2.50", "3.54", "2.50", "50.0", "1", "0"]
    assert row_of(table, "all") == ["all", "7", "5.00", "4.83", "4.00", "42.9", "1", "1"]


def test_tables_are_whole_on_80_columns_where_errors_are_large(make_landmarks) -> None:
    truth, found = make_landmarks([(0, 0)] * 3), make_landmarks([(300, 400), (0, 120), (900, 0)], [1, 1, 0])
    evaluation = evaluate_landmarks([("a", truth, found), ("b", truth, found)], [20, 50, 100], 100, 200, unit="px")
    lines = printed(landmark_table(evaluation), 80)
    assert " ".join(lines[2].split()) == "Landmark n MRE SD Median ≤ 20 ≤ 50 ≤ 100 Missed False"
    assert " ".join(lines[-2].split()) == "all 4 310.00 219.39 310.00 0.0 0.0 0.0 2 0"
    normalized = normalize_scores(evaluation, [("a", truth, found), ("b", truth, found)], ("fovea", "disc"))
    compared = printed(comparison_table({"gaussian_fit": evaluation}, {"gaussian_fit": normalized}), 80)
    assert "…" not in "".join(compared)


def test_what_is_not_measurable_is_a_dash(make_landmarks) -> None:
    pair = ("a", make_landmarks([(1, 2)] * 3), make_landmarks([(1, 2)] * 3, [0, 0, 0]))
    evaluation = evaluate_landmarks([pair], [2], 4, 10)
    assert row_of(landmark_table(evaluation), "disc") == ["disc", "0", "–", "–", "–", "–", "1", "0"]
    assert row_of(overall_table(evaluation), "AUC")[1] == "–"


def test_a_name_in_brackets_is_printed_as_it_is(make_landmarks) -> None:
    names = ("[red]a", "b", "c")
    pair = ("i", make_landmarks([(1, 2)] * 3, names=names), make_landmarks([(1, 2)] * 3, names=names))
    evaluation = evaluate_landmarks([pair], [2], 4, 10)
    assert row_of(landmark_table(evaluation), "red")[0] == "[red]a"


def test_the_csv_has_one_row_per_image_and_landmark(tmp_path, pairs) -> None:
    path = tmp_path / "errors.csv"
    write_error_csv(path, pairs, evaluate_landmarks(pairs, [2], 4, 10))
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert rows[0] == {
        "image": "eye_0",
        "landmark": "fovea",
        "true_x": "100.0",
        "true_y": "50.0",
        "pred_x": "106.0",
        "pred_y": "66.0",
        "error": "5.00",
        "unit": "mm",
        "status_true": "defined",
        "status_pred": "defined",
    }
    false_alarm = rows[5]
    assert (false_alarm["true_x"], false_alarm["pred_x"], false_alarm["error"]) == ("", "3.0", "")
    assert (false_alarm["status_true"], false_alarm["status_pred"]) == ("missing", "defined")
    assert (rows[6]["pred_x"], rows[6]["status_pred"]) == ("", "missing")


def test_points_of_the_csv_have_no_more_digits_than_a_millionth_of_a_pixel(tmp_path, make_landmarks) -> None:
    truth = make_landmarks([(323.00000000000006, 0.1234567)] * 3)
    path = tmp_path / "errors.csv"
    write_error_csv(path, [("i", truth, truth)], evaluate_landmarks([("i", truth, truth)], [2], 4, 10))
    first = next(csv.DictReader(path.open(newline="")))
    assert [first[key] for key in ("true_x", "true_y", "pred_x")] == ["323.0", "0.123457", "323.0"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.58457, "3.58"), (0.0123456, "0.0123"), (1234.56, "1235"), (0.0, "0.00"), (99.96, "100.0"), (float("nan"), "")],
)
def test_three_digits_count(value, text) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        ("2026-01-02T03:04:59+00:00", "2026-01-02 03:04 UTC"),
        ("2026-01-02T03:04:59+02:00", "2026-01-02 01:04 UTC"),
        ("2026-01-02T03:04:59", "2026-01-02 03:04"),
        ("2026-01-02", "2026-01-02"),
        ("not stated", "not stated"),
        ("", ""),
    ],
)
def test_a_date_is_written_for_a_person(stamp, text) -> None:
    assert readable_date(stamp) == text


def test_the_csv_of_other_images_is_refused(tmp_path, pairs) -> None:
    evaluation = evaluate_landmarks(pairs, [2], 4, 10)
    with pytest.raises(InputError, match="are of different images"):
        write_error_csv(tmp_path / "errors.csv", pairs[1:], evaluation)
    assert not (tmp_path / "errors.csv").exists()


def test_the_landmark_table_fits_a_terminal_of_80_columns(pairs) -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(landmark_table(evaluate_landmarks(pairs, [2, 4, 8], 4, 10)))
    assert "…" not in console.export_text()
