"""What `train` says, from the progress of trainings."""

from __future__ import annotations

import json
import math
import re

import pytest
import yaml
from engine_study import blob_protocol, write_study

from monai_ext.commands.train import _print
from monai_ext.engines import TrainResult

__all__ = ["blob_protocol"]


@pytest.fixture
def train(cli, tmp_path, blob_protocol):
    studies = write_study(tmp_path / "studies", 12)
    studies.write_splits({f"image_{i:03d}": "val" if i < 3 else "train" for i in range(12)})
    (tmp_path / "blobs.yaml").write_text(yaml.safe_dump(blob_protocol.model_dump(mode="json")))

    def run(*arguments: object):
        where = (
            "--protocol",
            tmp_path / "blobs.yaml",
            "--studies",
            tmp_path / "studies",
            "--models",
            tmp_path / "models",
        )
        return cli("train", *where, "--device", "cpu", *arguments)

    return run


def test_a_log_has_a_header_a_line_for_each_epoch_and_the_next_commands(train, cli, tmp_path, monkeypatch) -> None:
    answer = train("--max-epochs", 5)

    assert answer.code == 0, answer.err
    lines = answer.err.splitlines()
    assert lines[0] == "Training blobs: network heatmap_net, input 96 x 64 pixels."
    assert lines[1] == "On cpu: 9 images to train, 3 to validate; 5 epochs of 2 steps, batches of 4."
    estimate = lines.index(next(line for line in lines if line.startswith("About ")))
    assert re.fullmatch(r"About \d+ s remaining, estimated from the first steps\.", lines[estimate])
    assert lines[estimate + 1].startswith("epoch 4/5")  # eight of ten steps: three settle, five are timed
    epochs = [line for line in lines if line.startswith("epoch ")]
    number, error = r"\d+\.\d{3}", r", error \d+\.\d{3} px"
    for i, validated in enumerate([False, True, False, True, True], start=1):
        left = r"(, about \d+ s left)?" if i > 3 else ""  # known from then on
        assert re.fullmatch(rf"epoch {i}/5: loss {number}{error if validated else ''}, \d+ s{left}", epochs[i - 1])
    assert len(epochs) == 5

    said = answer.out.splitlines()
    assert re.fullmatch(r"Published with a validation error of \d+\.\d{3} px\. .*", said[0])
    assert said[1] == f"Model v1 in {tmp_path}/models/blobs"
    monkeypatch.chdir(tmp_path)
    evaluate = said[2].removeprefix("Next: monai-landmarks ").split()
    assert evaluate == f"evaluate --studies {tmp_path}/studies --model {tmp_path}/models/blobs --split model".split()
    assert cli(*evaluate).code == 0
    predict = said[3].strip().removeprefix("monai-landmarks ").split()
    assert cli(*[word.replace("IMAGES", "studies/image_000.png") for word in predict]).code == 0


@pytest.mark.slow
def test_json_leaves_standard_output_to_the_document(train) -> None:
    answer = train("--max-epochs", 1, "--json")

    assert json.loads(answer.out)["epochs"] == 1
    assert "epoch 1/1: loss" in answer.err


def test_json_of_a_run_that_diverged_after_its_best_epoch_has_null_where_there_is_no_number(capsys, tmp_path) -> None:
    history = [{"epoch": 1, "loss": 0.5, "val_error": 2.5}, {"epoch": 2, "loss": math.nan, "val_error": math.inf}]
    result = TrainResult(None, tmp_path, "Not published.", 2.5, "px", math.inf, 2, history)

    _print(result, tmp_path, True)

    document = json.loads(capsys.readouterr().out)
    assert document["history"] == [history[0], {"epoch": 2, "loss": None, "val_error": None}]
    assert (document["val_error"], document["previous_error"]) == (2.5, None)


@pytest.mark.slow
def test_minutes_are_said_and_bound_the_epochs(train) -> None:
    answer = train("--max-epochs", 2, "--minutes", 1000, "--json")

    assert answer.code == 0, answer.err
    assert "96 x 64 pixels; at most 1000 minutes, so the first steps are timed.\n" in answer.err
    assert json.loads(answer.out)["epochs"] == 2
