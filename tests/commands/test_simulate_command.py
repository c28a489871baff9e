from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ablation_study import protocol_of, study_of
from PIL import Image

from monai_ext.experiments import Simulation


@pytest.fixture(scope="module")
def task(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("simulate")
    study_of(folder / "blobs", train=5, val=2)
    (folder / "blobs.yaml").write_text(yaml.safe_dump(protocol_of().model_dump(mode="json")))
    return folder / "blobs.yaml", folder / "blobs"


@pytest.fixture
def simulate(cli, task, tmp_path):
    protocol, studies = task

    def run(*arguments: object):
        small = ("--initial", 2, "--batch", 2, "--rounds", 1, "--seeds", 1, "--max-steps", 1, "--device", "cpu")
        where = ("--protocol", protocol, "--output", tmp_path / "out")
        return cli("simulate-active-learning", studies, *where, *small, *arguments)

    return run


def test_a_table_a_document_and_a_plot_come_out_and_a_second_call_trains_nothing(simulate, tmp_path) -> None:
    first = simulate("--strategies", "random, uncertainty")
    second = simulate("--strategies", "random,uncertainty", "--json")

    assert first.code == second.code == 0, first.err + second.err
    assert "Cell 3 of 3 (uncertainty, 4 labels, seed 0): error" in first.err
    assert "results.json, table.md, learning_curves.png" in first.out
    assert "Cell" not in second.err
    document = json.loads(second.out)
    assert document == json.loads((tmp_path / "out" / "results.json").read_text())
    assert document["labels"] == [2, 4]
    assert "models" not in document["settings"]  # a folder of this machine
    assert (document["cells_finished"], document["cells_asked_for"]) == (3, 3)
    random, uncertainty = document["curves"]
    assert document["reference_error"] == random["points"][1]["mean"]
    assert document["labels_needed"]["random"] is not None
    assert random["points"][0] == uncertainty["points"][0]
    assert document["command"].startswith("monai-landmarks simulate-active-learning ")
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| strategy | 2 labels, px | 4 labels, px | labels for " in table
    assert f"| random | {random['points'][0]['mean']:.2f} | {random['points'][1]['mean']:.2f} |" in table
    with Image.open(tmp_path / "out" / "learning_curves.png") as picture:
        assert min(picture.size) > 200


def test_ctrl_c_leaves_the_finished_cells_in_the_table(simulate, tmp_path, monkeypatch) -> None:
    run = Simulation._run

    def stop_at_the_second(self, cell, on_progress):
        if cell.round:
            raise KeyboardInterrupt
        return run(self, cell, on_progress)

    monkeypatch.setattr(Simulation, "_run", stop_at_the_second)

    answer = simulate("--strategies", "random")

    assert answer.code == 130
    assert "1 of 2 cells are finished; run the same command to resume" in answer.err
    assert "1 of 2 cells are finished" in (tmp_path / "out" / "table.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--strategies", "random,best"), "--strategies needs names from random, uncertainty, diversity, hybrid"),
        (("--initial", 5), "--initial asks for 5 of 5 labelled training images"),
        (("--batch", 0), "--initial, --batch and --rounds must be at least 1"),
        (("--measure", "ensemble"), "cannot have the measure 'ensemble', as there is one model"),
        (("--reduce", "sum"), "'sum' is not one of 'mean', 'max'"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_trains_nothing(simulate, tmp_path, arguments, sentence) -> None:
    answer = simulate(*arguments)

    assert answer.code == 2
    assert sentence in answer.words
    assert "Traceback" not in answer.err
    assert not (tmp_path / "out").exists()
