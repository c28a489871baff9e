"""Trainings whose memory is not enough, with allocations that no machine can serve."""

from __future__ import annotations

import logging

import pytest
import torch
from engine_memory import TOO_MUCH

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.stop import ResourceError, is_out_of_memory
from monai_ext.models import find_model, read_card

pytestmark = pytest.mark.slow

OPTIONS = TrainOptions(max_epochs=2, batch_size=4, val_interval=1, seed=5, checkpoint_seconds=0)
SENTENCE = "The memory was not enough for batches of 4 images: batches of 2 are used."


@pytest.fixture
def images(blob_study):
    return labelled_images(blob_study)[:9]


def test_batches_are_halved_once_and_that_is_said(hungry, tmp_path, images, quick_protocol, caplog) -> None:
    hungry(largest=2)
    reports: list[dict] = []
    with caplog.at_level(logging.WARNING):
        result = train_model(
            quick_protocol, images, tmp_path / "blobs", OPTIONS, on_progress=reports.append, data="Blobs."
        )
    asked_for = train_model(quick_protocol, images, tmp_path / "two", OPTIONS.model_copy(update={"batch_size": 2}))

    assert result.card.sha256 == asked_for.card.sha256  # nothing of the failed attempt is left
    assert result.card.data == f"Blobs. {SENTENCE}"
    assert result.card.protocol.recipe.batch_size == 2
    assert [entry["batch_size"] for entry in result.history] == [2, 2]
    assert reports[-1]["status"] == "done"
    assert reports[-1]["warning"] == SENTENCE
    assert "warning" not in reports[0]
    assert "not enough for batches of 4: " in caplog.text
    assert "batch_size" not in asked_for.history[0]


@pytest.mark.parametrize("resume", [True, False])
def test_a_lack_of_memory_later_goes_on_from_the_last_saved_epoch(
    hungry, tmp_path, images, quick_protocol, resume
) -> None:
    steps = 7 // 4  # of an epoch in batches of 4
    hungry(largest=2, first_step=steps)

    result = train_model(quick_protocol, images, tmp_path / "blobs", OPTIONS.model_copy(update={"resume": resume}))

    assert [(entry["epoch"], entry.get("batch_size")) for entry in result.history] == [(1, None), (2, 2)]


def test_a_stopped_run_of_halved_batches_goes_on_with_them(hungry, tmp_path, images, quick_protocol) -> None:
    hungry(largest=2)
    whole = train_model(quick_protocol, images, tmp_path / "whole", OPTIONS)
    looks = iter([False] * 4)  # at the start of both attempts and after two steps
    stopped = train_model(quick_protocol, images, tmp_path / "blobs", OPTIONS, stop=lambda: next(looks, True))
    reports: list[dict] = []

    resumed = train_model(quick_protocol, images, tmp_path / "blobs", OPTIONS, on_progress=reports.append)

    assert stopped.stopped
    assert resumed.card.sha256 == whole.card.sha256
    assert resumed.history == whole.history
    assert {report["warning"] for report in reports} == {SENTENCE}


def test_a_second_lack_of_memory_ends_with_what_to_set(hungry, tmp_path, images, quick_protocol) -> None:
    train_model(quick_protocol, images, tmp_path / "blobs", OPTIONS)
    hungry(largest=1)
    with pytest.raises(ResourceError) as raised:
        train_model(quick_protocol, images, tmp_path / "blobs", OPTIONS.model_copy(update={"warm_start": False}))
    assert str(raised.value) == (
        "The memory of cpu is not enough for batches of 4, and not for batches of 2: set batch_size to 1, or set a "
        "smaller input_size or network in the protocol, or train where there is more memory."
    )
    assert read_card(tmp_path / "blobs").version == "v1"


def test_one_image_that_is_too_much_ends_with_what_to_set(hungry, tmp_path, images, quick_protocol) -> None:
    hungry(largest=0)
    with pytest.raises(ResourceError, match="cpu is not enough for batches of 1: set a smaller input_size or network"):
        train_model(quick_protocol, images, tmp_path / "blobs", OPTIONS.model_copy(update={"batch_size": 1}))
    assert find_model("blobs", tmp_path) is None


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    wrapped = ValueError("a transform failed")
    with pytest.raises(RuntimeError) as raised:
        torch.empty(TOO_MUCH, dtype=torch.uint8)
    wrapped.__cause__ = raised.value
    assert is_out_of_memory(wrapped)
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("size mismatch"))
    assert not is_out_of_memory(OSError(28, "No space left on device"))
