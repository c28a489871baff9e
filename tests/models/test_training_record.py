"""The record of a training beside the version that it made."""

from __future__ import annotations

import json
import math
import sys

import pytest
import torch

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.models import ModelCard, read_training_record, record_path, write_training_record


def test_a_run_leaves_its_validations_beside_the_version(tmp_path, blob_protocol, blob_study) -> None:
    options = TrainOptions(max_epochs=2, val_interval=1, seed=4, device="cpu")

    result = train_model(blob_protocol, labelled_images(blob_study)[:4], tmp_path / "blobs", options)

    document = read_training_record(tmp_path / "blobs", "v1")
    assert document is not None
    assert result.card is not None
    assert (document["model_version"], document["model_sha256"]) == ("v1", result.card.sha256)
    assert document["history"] == result.history
    assert [entry["epoch"] for entry in document["history"]] == [1, 2]
    assert (document["seed"], document["epochs"], document["unit"], document["resumed_at_epoch"]) == (4, 2, "px", None)
    assert document["seconds"] > 0
    assert document["command"] is None  # not the command line of `monai-landmarks`


@pytest.fixture
def card(blob_protocol) -> ModelCard:
    return ModelCard(
        protocol=blob_protocol, version="v3", weights="v3.safetensors", sha256="", labels_used=2, val_images=(),
        val_error=1.0, unit="px", epochs=1, seed=0, date="",
    )  # fmt: skip


def record(folder, card, **changed) -> None:
    facts = {"device": torch.device("cpu"), "keep": "last", "previous_error": None, "history": [], "seconds": 1.0}
    write_training_record(folder, card, **facts | changed)


def test_numbers_that_json_does_not_have_are_null(tmp_path, card, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/monai-landmarks", "train", "--studies", "my eyes"])
    history = [{"epoch": 1, "loss": math.nan, "val_error": math.inf}]

    record(tmp_path, card, history=history, previous_error=math.inf, seconds=1.26, resumed_at=7)

    document = json.loads(record_path(tmp_path, "v3").read_text())
    assert document["history"] == [{"epoch": 1, "loss": None, "val_error": None}]
    assert document["previous_error"] is None
    assert (document["seconds"], document["resumed_at_epoch"]) == (1.3, 7)
    assert document["keep"] == "last"
    assert document["command"] == "monai-landmarks train --studies 'my eyes'"


def test_a_record_that_cannot_be_written_is_warned_of(card, tmp_path, caplog) -> None:
    record_path(tmp_path, "v3").mkdir()

    record(tmp_path, card)

    assert "The training record of v3 could not be written" in caplog.text


def test_without_a_record_there_is_none(tmp_path) -> None:
    assert read_training_record(tmp_path, "v9") is None
