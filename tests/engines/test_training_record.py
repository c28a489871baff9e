"""The record of a training beside the version that it made."""

from __future__ import annotations

import json
import math
import sys

import pytest
import torch

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.options import TrainResult
from monai_ext.engines.training_record import read_training_record, record_path, write_training_record
from monai_ext.networks.model_store import ModelCard


def test_a_run_leaves_its_validations_beside_the_version(tmp_path, blob_protocol, blob_study) -> None:
    options = TrainOptions(max_epochs=2, val_interval=1, seed=4, device="cpu")

    result = train_model(blob_protocol, labelled_images(blob_study)[:8], tmp_path / "blobs", options)

    record = read_training_record(tmp_path / "blobs", "v1")
    assert record is not None
    assert result.card is not None
    assert (record["model_version"], record["model_sha256"]) == ("v1", result.card.sha256)
    assert record["history"] == result.history
    assert [entry["epoch"] for entry in record["history"]] == [1, 2]
    assert (record["seed"], record["epochs"], record["unit"], record["resumed_at_epoch"]) == (4, 2, "px", None)
    assert record["seconds"] > 0
    assert record["command"] is None  # not the command line of `monai-landmarks`


@pytest.fixture
def result(tmp_path, blob_protocol) -> TrainResult:
    card = ModelCard(
        protocol=blob_protocol, version="v3", weights="v3.safetensors", sha256="", labels_used=2, val_images=(),
        val_error=1.0, unit="px", epochs=1, seed=0, date="",
    )  # fmt: skip
    history = [{"epoch": 1, "loss": math.nan, "val_error": math.inf}]
    return TrainResult(card, tmp_path, "", 1.0, "px", math.inf, 1, history)


def test_numbers_that_json_does_not_have_are_null(result, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/monai-landmarks", "train", "--studies", "my eyes"])

    write_training_record(result, torch.device("cpu"), keep="last", seconds=1.26, resumed_at=7)

    record = json.loads(record_path(result.folder, "v3").read_text())
    assert record["history"] == [{"epoch": 1, "loss": None, "val_error": None}]
    assert record["previous_error"] is None
    assert (record["seconds"], record["resumed_at_epoch"]) == (1.3, 7)
    assert record["keep"] == "last"
    assert record["command"] == "monai-landmarks train --studies 'my eyes'"


def test_a_record_that_cannot_be_written_is_warned_of(result, tmp_path, caplog) -> None:
    record_path(tmp_path, "v3").mkdir()

    write_training_record(result, torch.device("cpu"), keep="best", seconds=1.0)

    assert "How v3 was trained could not be written" in caplog.text


def test_without_a_record_there_is_none(tmp_path) -> None:
    assert read_training_record(tmp_path, "v9") is None
