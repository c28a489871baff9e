"""What an interrupted run keeps when it is gone on with, and what it cannot be gone on with."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from engine_study import write_study

from monai_ext.engines import LabelledImage, TrainOptions, is_resumable, labelled_images, train_model
from monai_ext.engines.job import RunState
from monai_ext.images import CALIBRATION_FILE, StatedSize, with_stated_sizes
from monai_ext.models import read_card, roll_back
from monai_ext.studies import Studies

pytestmark = pytest.mark.slow

FIRST = TrainOptions(max_epochs=1, batch_size=2, val_interval=1, seed=3, checkpoint_seconds=1000, publish_worse=True)
OPTIONS = FIRST.model_copy(update={"max_epochs": 3})
COLD = OPTIONS.model_copy(update={"warm_start": False})
ANEW = "was made with other data or options; training starts again"


def after_looks(count: int):
    """A stop that is asked for when the run has looked a number of times."""
    looks = iter([False] * count)
    return lambda: next(looks, True)


@pytest.fixture
def images(blob_study) -> list[LabelledImage]:
    return labelled_images(blob_study)[:8]


@pytest.fixture
def interrupted(tmp_path, images, quick_protocol) -> Path:
    """A model folder with v1 and a run from its weights that was stopped in its second epoch."""
    folder = tmp_path / "blobs"
    assert train_model(quick_protocol, images, folder, FIRST).card.version == "v1"
    assert train_model(quick_protocol, images, folder, OPTIONS, stop=after_looks(8)).stopped
    return folder


def test_a_run_with_a_start_of_its_own_is_not_a_warm_one_that_goes_on(
    interrupted, tmp_path, images, quick_protocol, caplog
) -> None:
    folder = tmp_path / "alone" / "blobs"
    train_model(quick_protocol, images, folder, FIRST)
    alone = train_model(quick_protocol, images, folder, COLD)

    with caplog.at_level(logging.WARNING):
        cold = train_model(quick_protocol, images, interrupted, COLD)

    assert ANEW in caplog.text
    assert (cold.card.parent, cold.card.begun_with) == (None, alone.card.begun_with)
    assert cold.history == alone.history
    assert cold.card.sha256 == alone.card.sha256


def test_a_run_that_keeps_other_weights_begins_anew(interrupted, images, quick_protocol, caplog) -> None:
    last = OPTIONS.model_copy(update={"keep": "last"})
    with caplog.at_level(logging.WARNING):
        result = train_model(quick_protocol, images, interrupted, last)

    assert ANEW in caplog.text
    assert result.val_error == result.history[-1]["val_error"]


def test_a_run_keeps_the_model_that_it_began_with(interrupted, tmp_path, images, quick_protocol) -> None:
    other = tmp_path / "other" / "blobs"
    train_model(quick_protocol, images, other, FIRST)
    whole = train_model(quick_protocol, images, other, OPTIONS)
    state = (interrupted / ".training/state.pt").read_bytes()
    assert train_model(quick_protocol, images, interrupted, COLD).card.version == "v2"
    (interrupted / ".training").mkdir()
    (interrupted / ".training/state.pt").write_bytes(state)
    assert read_card(interrupted).parent is None

    result = train_model(quick_protocol, images, interrupted, OPTIONS)

    assert (result.card.parent, result.card.begun_with) == ("v1", "Version v1")
    assert result.history == whole.history
    assert result.card.sha256 == whole.card.sha256


def test_a_rollback_meanwhile_leaves_the_parent(tmp_path, images, quick_protocol) -> None:
    folder = tmp_path / "blobs"
    train_model(quick_protocol, images, folder, FIRST)
    assert train_model(quick_protocol, images, folder, FIRST.model_copy(update={"seed": 4})).card.version == "v2"
    train_model(quick_protocol, images, folder, OPTIONS, stop=after_looks(8))
    roll_back(folder, "v1")

    result = train_model(quick_protocol, images, folder, OPTIONS)

    assert (result.card.version, result.card.parent, result.card.begun_with) == ("v3", "v2", "Version v2")


def test_a_run_that_shall_not_go_on_removes_what_was_saved(interrupted, images, quick_protocol) -> None:
    assert is_resumable(interrupted)
    anew = OPTIONS.model_copy(update={"resume": False})

    stopped = train_model(quick_protocol, images, interrupted, anew, stop=after_looks(0))
    assert is_resumable(interrupted)  # it did not begin: the current model was still measured
    assert stopped.stopped
    with pytest.raises(KeyboardInterrupt):
        train_model(quick_protocol, images, interrupted, anew, on_progress=interrupt)

    assert not is_resumable(interrupted)


def interrupt(progress: dict) -> None:
    raise KeyboardInterrupt


def test_a_state_without_a_name_of_what_it_depends_on_is_taken(tmp_path) -> None:
    cpu, asked = torch.device("cpu"), {"asked": [True, "best"]}
    RunState(tmp_path, "one").save({"epoch": 3})

    assert RunState(tmp_path, "one", asked).load(cpu)["epoch"] == 3
    RunState(tmp_path, "one", asked).save({"epoch": 4})
    assert RunState(tmp_path, "one", asked).load(cpu)["epoch"] == 4
    assert RunState(tmp_path, "one", {"asked": [False, "best"]}).load(cpu) is None


def test_a_state_of_the_former_version_goes_on(interrupted, tmp_path, images, quick_protocol) -> None:
    path = interrupted / ".training/state.pt"
    state = torch.load(path, weights_only=True)
    for name in ("asked", "pixel_sizes", "parent", "begun_with", "length", "of_steps"):
        del state[name]
    torch.save(state, path)
    other = tmp_path / "other" / "blobs"
    train_model(quick_protocol, images, other, FIRST)
    whole = train_model(quick_protocol, images, other, OPTIONS)
    epochs: list[int] = []

    result = train_model(
        quick_protocol, images, interrupted, OPTIONS, on_progress=lambda told: epochs.append(told["epoch"])
    )

    assert epochs[0] == 1
    assert result.card.sha256 == whole.card.sha256
    assert result.card.parent == "v1"


def state_sizes(studies: Studies, millimetres: float) -> None:
    sizes = {id: StatedSize((millimetres, millimetres), "stated") for id in studies.images()}
    (studies.root / CALIBRATION_FILE).write_text(json.dumps(with_stated_sizes(studies.root, sizes)))


def test_millimetres_are_not_compared_with_pixels(tmp_path, quick_protocol, caplog) -> None:
    studies = write_study(tmp_path / "studies", 8)
    whole = train_model(quick_protocol, labelled_images(studies), tmp_path / "whole", OPTIONS)
    state_sizes(studies, 0.05)
    folder = tmp_path / "blobs"
    stopped = train_model(quick_protocol, labelled_images(studies), folder, OPTIONS, stop=after_looks(8))
    assert (stopped.unit, len(stopped.history)) == ("mm", 1)
    (studies.root / CALIBRATION_FILE).unlink()

    with caplog.at_level(logging.WARNING):
        result = train_model(quick_protocol, labelled_images(studies), folder, OPTIONS)

    assert ANEW in caplog.text
    assert (result.unit, result.history) == ("px", whole.history)
    assert result.card.sha256 == whole.card.sha256


def test_pixels_are_not_compared_with_millimetres(tmp_path, quick_protocol, caplog) -> None:
    studies = write_study(tmp_path / "studies", 8)
    folder = tmp_path / "blobs"
    stopped = train_model(quick_protocol, labelled_images(studies), folder, OPTIONS, stop=after_looks(8))
    assert stopped.unit == "px"
    state_sizes(studies, 0.05)

    with caplog.at_level(logging.WARNING):
        result = train_model(quick_protocol, labelled_images(studies), folder, OPTIONS)

    assert ANEW in caplog.text
    assert result.unit == "mm"
    assert result.val_error == min(entry["val_error"] for entry in result.history)
    assert [entry["epoch"] for entry in result.history] == [1, 2, 3]
