from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ablation_study import protocol_of, study_of

from monai_ext.experiments import Ablation


@pytest.fixture(scope="module")
def task(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("ablate")
    study_of(folder / "blobs", train=4, val=2)
    document = protocol_of().model_dump(mode="json")
    (folder / "blobs.yaml").write_text(yaml.safe_dump(document))
    return folder / "blobs.yaml", folder / "blobs"


@pytest.fixture
def ablate(cli, task, tmp_path):
    protocol, studies = task

    def run(*arguments: object):
        where = ("--protocol", protocol, "--studies", studies, "--output", tmp_path / "out")
        return cli("ablate", *where, "--device", "cpu", "--no-costs", *arguments)

    return run


def test_a_table_a_document_and_a_plot_come_out_and_a_second_call_trains_nothing(ablate, tmp_path) -> None:
    arguments = ("--rows", "base,1roi", "--seeds", 1, "--max-steps", 2, "--sdr", "4,8", "--threshold", 9)

    first = ablate(*arguments)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cells").rglob("*") if path.is_file()}
    second = ablate(*arguments, "--json", "--normalize-by", "bright,dark")

    assert first.code == second.code == 0, first.err + second.err
    assert "all 4 training images, 2 steps" in first.out
    assert "results.json, table.md, ced.png" in first.out
    assert "Cell 2 of 2 (1roi, 4 images, seed 0)" in first.err
    assert "Cell" not in second.err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    document = json.loads(second.out)
    assert document == json.loads((tmp_path / "out" / "results.json").read_text())
    assert [row["row"] for row in document["rows"]] == ["base", "1roi"]
    assert {"sdr_4", "sdr_8", "nme"} <= document["rows"][0]["numbers"].keys()
    assert document["command"].startswith("monai-landmarks ablate --protocol ")
    assert document["costs"]["base"]["parameters"] > 0
    text = (tmp_path / "out" / "table.md").read_text()
    assert "FR > 9 px %" in text
    assert "SDR 4 px %" in text


def test_ctrl_c_leaves_the_finished_cells_in_the_table(ablate, tmp_path, monkeypatch) -> None:
    run = Ablation._run

    def stop_at_the_second(self, cell, on_progress):
        if cell.row == "1roi":
            raise KeyboardInterrupt
        return run(self, cell, on_progress)

    monkeypatch.setattr(Ablation, "_run", stop_at_the_second)

    answer = ablate("--rows", "base,1roi", "--seeds", 1, "--max-steps", 1)

    assert answer.code == 130
    assert "1 of 2 cells are finished; run the same command to resume" in answer.err
    assert (tmp_path / "out" / "ced.png").is_file()
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| base |" in table
    assert "| 1roi |" not in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rows", "base,FT"), "There is no row 'FT': the protocol blobs can have base, 1roi, 1roi+sa, mr+sa, zian."),
        (("--recipe", "best"), "'best' is not one of 'protocol', 'default'"),
        (("--sizes", "5"), "--sizes asks for 5 training images but there are 4"),
        (("--sizes", "many"), "--sizes needs numbers of training images or 'all'"),
        (("--max-steps", 1, "--max-epochs", 1), "--max-epochs and --max-steps both set"),
        (("--sdr", "5;10"), "--sdr takes distances with commas"),
        (("--unit", "cm"), "'cm' is not one of 'px', 'mm'"),
        (("--split", "train"), "'train' is not one of 'val', 'test'"),
        (("--normalize-by", "bright"), "--normalize-by needs two different landmarks out of bright, dark"),
        (("--backbone", "nothing"), "nothing"),
        (("--threshold", 0), "positive"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_trains_nothing(ablate, tmp_path, arguments, message) -> None:
    answer = ablate(*arguments)

    assert answer.code == 2
    assert message in answer.words
    assert "Traceback" not in answer.err
    assert not (tmp_path / "out" / "cells").exists()
