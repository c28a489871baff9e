"""report: what it takes from trainings, uncertainty, simulations, ablations and submitted labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_case import PageReader


@pytest.fixture
def report(cli, tmp_path):
    def run(*arguments: object) -> PageReader:
        answer = cli("report", *arguments, "--output", tmp_path / "out")
        assert answer.code == 0, answer.err
        return PageReader((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))

    return run


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def training(version: str, errors: list[float | None], unit: str = "px") -> dict[str, object]:
    return {
        "protocol": "dots",
        "model_version": version,
        "unit": unit,
        "val_error": min(e for e in errors if e is not None),
        "labels_used": 7,
        "seed": 3,
        "seconds": 12.5,
        "machine": {"device": "a <fast> machine"},
        "history": [{"epoch": 2 * i + 2, "loss": 0.1, "val_error": e} for i, e in enumerate(errors)],
    }


def test_trainings_of_one_unit_share_a_plot(report, tmp_path) -> None:
    paths = [
        written(tmp_path / "v1.training.json", training("v1", [9.0, None, 4.25])),
        written(tmp_path / "v2.training.json", training("v2", [5.0, 4.0])),
        written(tmp_path / "v3.training.json", training("v3", [0.5], "mm")),
    ]

    page = report(*paths)

    assert [alt for alt, _ in page.images] == ["Validation error by epoch of dots v1, dots v2",
                                               "Validation error by epoch of dots v3"]  # fmt: skip
    assert page.tables["training"][1] == ["dots v1", "3", "4.250 px", "7", "3", "12.5", "a <fast> machine"]
    assert page.tables["training again"][1][2] == "0.500 mm"


def test_reliability_has_its_plot_and_its_shares(report, tmp_path) -> None:
    rows = [{"expected": 0.5, "observed": 0.4375, "points": 16}, {"expected": 0.95, "observed": None, "points": 0}]
    document = {
        "protocol": "dots",
        "model_version": "v1",
        "split": "val",
        "images": 8,
        "unit": "px",
        "measures": [],
        "reliability": {"one radius for all": rows},
    }

    page = report(written(tmp_path / "uncertainty.json", document))

    assert "Reliability of the radii of dots v1" in page.titles
    assert page.table("Judged on 8 images")[1:] == [
        ["one radius for all", "50.0 %", "43.8 %", "16"],
        ["one radius for all", "95.0 %", "–", "0"],
    ]
    assert len(page.images) == 1


def curve(strategy: str, *points: tuple[int, list[float]]) -> dict[str, object]:
    seeds = [{"labels": n, "seeds": {str(i): e for i, e in enumerate(errors)}} for n, errors in points]
    return {"strategy": strategy, "unit": "px", "points": seeds}


def test_learning_curves_and_what_is_not_finished(report, tmp_path) -> None:
    document = {
        "protocol": "dots",
        "reference_error": 4.0,
        "cells_finished": 3,
        "cells_asked_for": 5,
        "curves": [curve("random", (10, [8.0, 10.0]), (20, [4.0])), curve("hybrid", (10, [8.0, 10.0]), (20, [2.0]))],
    }

    page = report(written(tmp_path / "results.json", document))

    rows = page.table("Mean ± sample standard deviation")
    assert rows[1:] == [["random", "9.00 ± 1.41", "4.00", "20"], ["hybrid", "9.00 ± 1.41", "2.00", "17"]]
    assert "Only 3 of 5 cells are finished." in page.warnings()


def test_an_ablation_has_a_table_for_each_size(report, tmp_path) -> None:
    def row(name: str, size: str, mean: float, sd: float | None) -> dict[str, object]:
        numbers = {"l2": {"mean": mean, "sd": sd}, "sdr_5": {"mean": 0.5, "sd": 0.25}, "fr": {"mean": None, "sd": None}}
        return {"row": name, "size": size, "training_images": int(size), "steps": 60, "numbers": numbers}

    document = {
        "protocol": "dots",
        "measures": {"unit": "px", "thresholds": [5.0], "failure": 10.0, "limit": 10.0},
        "rows": [row("base", "20", 3.0, 0.5), row("zian", "20", 2.0, None), row("base", "40", 1.0, None)],
        "cells": [],
        "cells_finished": 3,
        "cells_asked_for": 3,
    }

    page = report(written(tmp_path / "results.json", document))

    first = page.table("20 training images, 60 optimiser steps.")
    assert first[0][1:3] == ["mean radial error, px", "≤ 5 px, %"]
    assert first[1:] == [["base", "3.00 ± 0.50", "50.00 ± 25.00", "–", "–", "–"],
                         ["zian", "2.00", "50.00 ± 25.00", "–", "–", "–"]]  # fmt: skip
    assert len(page.table("40 training images")) == 2
    assert page.warnings() == []


def test_agreement_of_a_folder_where_no_server_worked(report, tmp_path) -> None:
    (tmp_path / "studies").mkdir()

    page = report("--studies", tmp_path / "studies", "--protocol", "dots")

    assert "Agreement with submitted labels: dots" in page.titles
    assert any("holds no final label of dots that began as a proposal" in text for _, text in page.notes)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"history": [{"loss": 1}], "val_error": 1, "unit": "px"}, "not a complete training history"),
        ({"reliability": [1], "measures": [], "model_version": "v1"}, "not a complete uncertainty result"),
        ({"curves": [{}], "reference_error": 1}, "not a complete simulation result"),
        ({"rows": [{}], "measures": {}, "cells": []}, "not a complete ablation result"),
    ],
)
def test_damaged_results_are_refused(cli, tmp_path, document, sentence) -> None:
    answer = cli("report", written(tmp_path / "odd.json", document), "--output", tmp_path / "out")

    assert answer.code == 2
    assert sentence in " ".join(answer.err.split())


def test_agreement_is_told_for_each_version(report, tmp_path) -> None:
    studies = tmp_path / "studies"
    (studies / "labels" / "final").mkdir(parents=True)
    moved = {"a": ("v1", [3.0, 5.0]), "b": ("v1", [0.0, None]), "c": ("v2", [1.0, 2.0])}
    objects = {}
    for number, (image, (version, distances)) in enumerate(moved.items()):
        (studies / f"{image}.png").write_bytes(b"")
        (studies / "labels" / "final" / f"{image}.mrk.json").write_text("{}")
        displacement = dict(zip(("bright", "dark"), distances, strict=True))
        info = {"protocol": "dots", "model_version": version, "unit": "px", "ts": 1_800_000_000 + number}
        label = {"ext": ".mrk.json", "info": info | {"displacement": displacement}}
        objects[image] = {"image": {"ext": ".png"}, "labels": {"final": label}}
    written(studies / "datastore_v2.json", {"objects": objects})

    page = report("--studies", studies, "--protocol", "dots")

    rows = page.table("How far points were moved")
    assert [row[:7] for row in rows[1:]] == [
        ["v1", "2", "3", "px", "2.67", "3.00", "33.3 %"],
        ["v2", "1", "2", "px", "1.50", "1.50", "0.0 %"],
    ]
    assert [alt for alt, _ in page.images] == ["Distance moved, label by label"]
