from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
import torch
from ablation_study import protocol_of, recomputed

from monai_ext.experiments import AblationMeasures, Size, draw_plots, row_costs, write_results
from monai_ext.experiments.ablation_results import Column, best_rows, cell_text
from monai_ext.experiments.ablation_scores import RowScores, SeedScores
from monai_ext.experiments.costs import Costs, costs_here, measure_costs
from monai_ext.networks import build_network

THRESHOLDS, FAILURE, LIMIT = (5.0, 10.0, 20.0), 12.0, 25.0


@pytest.fixture(scope="module")
def measures(finished) -> AblationMeasures:
    return AblationMeasures(THRESHOLDS, FAILURE, LIMIT, "px", ("bright", "dark"), 30.0, *finished.decoders)


@pytest.fixture(scope="module")
def written(finished, measures) -> dict:
    rows = finished.scores(measures)
    write_results(finished, rows, measures, {"base": Costs(12_345_678, 2.5, 100.0)}, "monai-landmarks ablate", "zian_b")
    return json.loads((finished.output / "results.json").read_text())


def numbers_of(finished, row: str, size: str) -> list[dict]:
    return [
        recomputed(
            finished.output / "cells" / f"{row}_{size}_seed{seed}" / "predictions.csv",
            THRESHOLDS,
            FAILURE,
            LIMIT,
            "local_soft_argmax",
        )
        for seed in (0, 1)
    ]


@pytest.mark.parametrize("row", ["base", "1roi"])
@pytest.mark.parametrize("size", ["4", "all"])
def test_results_are_what_the_table_of_predictions_says(finished, written, row, size) -> None:
    (entry,) = (entry for entry in written["rows"] if (entry["row"], entry["size"]) == (row, size))
    expected = numbers_of(finished, row, size)

    for key in expected[0]:
        values = [numbers[key] for numbers in expected]
        if np.isnan(values).any():
            assert entry["numbers"][key]["mean"] is None
            continue
        assert entry["numbers"][key]["mean"] == pytest.approx(np.mean(values), rel=1e-9), key
        assert entry["numbers"][key]["sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-9), key
        assert list(entry["numbers"][key]["seeds"].values()) == pytest.approx(values)
    assert (entry["steps"], entry["training_images"]) == (4, {"4": 4, "all": 8}[size])


def test_the_markdown_table_shows_the_same_numbers(finished, written) -> None:
    text = (finished.output / "table.md").read_text()
    tables = re.findall(r"## (.*)\n\n((?:\|.*\n)+)", text)

    assert [title for title, _ in tables] == ["4 training images, 4 steps", "all 8 training images, 4 steps"]
    for (_, table), size in zip(tables, ("4", "all"), strict=True):
        heading, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
        assert [line[0] for line in lines] == ["base", "1roi"]
        for line in lines:
            shown = dict(zip(heading, line, strict=True))
            values = numbers_of(finished, line[0], size)
            for name, key, factor in (("L2 px", "l2", 1), ("SDR 10 px %", "sdr_10", 100), ("FR > 12 px %", "fr", 100)):
                mean, sd = (factor * f([v[key] for v in values]) for f in (np.mean, lambda x: np.std(x, ddof=1)))
                assert shown[name].strip("*") == f"{mean:.2f} ± {sd:.2f}"
        coarse = heading.index("coarse L2 px")
        assert lines[0][coarse] == "–"
        assert lines[1][coarse] != "–"
        assert lines[0][heading.index("parameters M")] == "12.346"


def test_results_name_what_they_were_made_with(finished, written) -> None:
    assert written["command"] == "monai-landmarks ablate"
    assert written["recipe"]["asked_for"] == "zian_b"
    assert written["recipe"]["optimizer"] == "adamw"
    assert written["weights"] == "last"
    assert written["versions"]["torch"] == torch.__version__
    assert written["reported"] == {"split": "val", "images": ["image_000", "image_001", "image_002"]}
    assert (written["cells_finished"], written["cells_asked_for"], len(written["cells"])) == (8, 8, 8)
    assert {cell["steps"] for cell in written["cells"]} == {4}


def test_the_plot_of_a_size_holds_every_row_and_all_seeds(finished, measures) -> None:
    rows = finished.scores(measures)

    assert draw_plots(finished, rows) == ["ced_4.png", "ced_all.png"]
    assert (finished.output / "ced_all.png").stat().st_size > 1000
    for row in rows:
        assert len(row.pooled.images) == 2 * 3
        assert row.pooled.failure_rate == pytest.approx(row.spread("fr").mean)


def row_of(name: str, *values: float) -> RowScores:
    seeds = tuple(SeedScores(seed, {"l2": value}) for seed, value in enumerate(values))
    return RowScores(name, Size("all", 3), 1, seeds, None)  # type: ignore[arg-type]


def test_the_best_is_bold_as_it_is_written() -> None:
    rows = [row_of("a", 1.0, 3.0), row_of("b", 2.001, 2.003), row_of("c", 5.0), row_of("d", math.nan)]
    low, high = Column("l2", "L2"), Column("l2", "L2", best=max)

    assert best_rows(rows, low) == {"a", "b"}
    assert best_rows(rows, high) == {"c"}
    assert best_rows(rows, Column("l2", "L2", best=None)) == set()
    assert best_rows(rows[:2], low) == best_rows(rows[3:], low) == set()
    assert [cell_text(row, low) for row in rows] == ["2.00 ± 1.41", "2.00 ± 0.00", "5.00", "–"]


def test_costs_are_of_the_row() -> None:
    protocol = protocol_of()
    small = protocol.model_copy(update={"network": protocol.network.model_copy(update={"row": "base"})})

    costs, less = (costs_here(p, torch.device("cpu")) for p in (protocol, small))

    assert costs.parameters == sum(p.numel() for p in build_network(protocol).parameters())
    assert costs.images_per_second < less.images_per_second
    assert costs.training_mib is None or costs.training_mib > less.training_mib > 0
    assert costs.threads == torch.get_num_threads()


@pytest.mark.slow
def test_costs_are_measured_in_a_process_of_its_own() -> None:
    protocol = protocol_of()

    costs = measure_costs(protocol, torch.device("cpu"))

    assert costs.parameters == sum(p.numel() for p in build_network(protocol).parameters())
    assert costs.images_per_second > 0
    assert costs.device == "cpu"


def test_a_process_that_fails_leaves_unknown_costs_and_a_warning(caplog, monkeypatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    assert measure_costs(protocol_of(), torch.device("cpu")) == Costs()
    assert "Speed and memory were not measured: the measuring process ended (exit code 1)" in caplog.text


def test_costs_are_measured_once(finished, monkeypatch) -> None:
    asked: list[str] = []

    def measure(protocol, device) -> Costs:
        asked.append(protocol.network.row)
        return Costs(1, 2.0, 3.0, "cpu", 1)

    monkeypatch.setattr("monai_ext.experiments.ablation_results.measure_costs", measure)

    first = [row_costs(finished, row, anew=True) for row in ("base", "1roi", "base")]

    assert asked == ["base", "1roi"]
    assert first == [Costs(1, 2.0, 3.0, "cpu", 1)] * 3
    (finished.output / "costs.json").unlink()
    assert row_costs(finished, "base", anew=False) == Costs(
        parameters=sum(p.numel() for p in build_network(finished.rows["base"]).parameters())
    )
