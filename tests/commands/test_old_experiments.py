"""Networks and finished series of version 0.1.0, read by the present commands."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

OLD = Path(__file__).resolve().parents[1] / "old_folders"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(OLD, tmp_path / "old")
    for name, modified in json.loads((OLD / "modified.json").read_text()).items():
        os.utime(tmp_path / "old/studies" / name, ns=(modified, modified))  # a changed image would be trained on again
    monkeypatch.chdir(tmp_path / "old")
    return tmp_path / "old"


def cells(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("cell.json")}


@pytest.mark.parametrize(
    ("arguments", "folder", "results"),
    [
        pytest.param(
            "cross-validate studies --protocol tiny.yaml --folds 2 --max-steps 2 --sdr 5,10,20",
            "cross_validation",
            "cross_validation.json",
            id="cross-validate",
        ),
        pytest.param(
            "ablate --protocol zian.yaml --studies studies --rows base --seeds 1 --max-steps 1 "
            "--sdr 5,10,20 --failure 10",  # the defaults of the version that made it
            "ablation",
            "results.json",
            id="ablate",
        ),
        pytest.param(
            "simulate-active-learning studies --protocol tiny.yaml --initial 2 --batch 1 --rounds 1 --seeds 1 "
            "--max-steps 1 --strategies random,uncertainty",
            "simulation",
            "results.json",
            id="simulate-active-learning",
        ),
    ],
)
def test_a_finished_series_trains_nothing_again(
    old: Path, cli: Callable[..., Any], arguments: str, folder: str, results: str
) -> None:
    before = cells(old / folder)
    document = json.loads((old / folder / results).read_text())
    answer = cli(*arguments.split(), "--output", folder)
    assert answer.code == 0, answer.err
    assert cells(old / folder) == before
    told = json.loads((old / folder / results).read_text())
    own = ("date", "command", "machine", "versions", "settings", "costs")
    assert {k: v for k, v in told.items() if k not in own} == {k: v for k, v in document.items() if k not in own}


def test_the_versions_of_an_old_network_are_listed_and_the_first_can_be_published(
    old: Path, cli: Callable[..., Any]
) -> None:
    listed = cli("models", "--models", "models")
    assert listed.code == 0, listed.err
    assert "v1" in listed.out
    assert "v2" in listed.out
    assert json.loads((old / "models/tiny/card.json").read_text())["version"] == "v2"
    assert cli("models", "--models", "models", "--rollback", "tiny").code == 0
    assert json.loads((old / "models/tiny/card.json").read_text())["version"] == "v1"


def test_an_old_network_has_the_errors_that_it_had(old: Path, cli: Callable[..., Any]) -> None:
    arguments = "evaluate --studies studies --model models/tiny --split all --output again"
    answer = cli(*arguments.split())
    assert answer.code == 0, answer.err
    rows, before = (list(csv.DictReader((old / name / "errors.csv").open())) for name in ("again", "evaluation"))
    assert len(rows) == len(before) == 21
    for row, old_row in zip(rows, before, strict=True):
        for key, value in old_row.items():
            try:
                number = float(value)
            except ValueError:
                assert row[key] == value
            else:
                rounding = 5e-3 * number if key == "error" else 0.0  # of three significant digits
                assert float(row[key]) == pytest.approx(number, abs=2e-3 + rounding, nan_ok=True)


def test_old_readings_of_two_people_are_compared(old: Path, cli: Callable[..., Any]) -> None:
    answer = cli("agreement", "two_readers", "--protocol", "tiny.yaml", "--output", "apart")
    assert answer.code == 0, answer.err
    with (old / "apart/distances.csv").open() as table:
        distances = [row["distance"] for row in csv.DictReader(table)]
    assert distances == ["1.41"] * 6  # the root of 2: the second reader: one pixel to the right and one below


def test_an_old_studies_folder_has_no_fault(old: Path, cli: Callable[..., Any]) -> None:
    answer = cli("doctor", "--studies", "studies", "--models", "models", "--protocol-dir", ".", "--quick", "--json")
    told = json.loads(answer.out)
    assert told["problems"] == 0, told["checks"]
    assert "8 images: 7 final, 1 draft, 0 unlabelled" in {check["found"] for check in told["checks"]}
