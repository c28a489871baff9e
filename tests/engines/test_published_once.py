"""A training that is killed after it has published: the same call again publishes nothing more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from engine_study import KilledError

from monai_ext.engines import TrainOptions, is_resumable, labelled_images, split_images, train, train_model
from monai_ext.engines.dataset import read_settled_sides
from monai_ext.engines.job import RunState
from monai_ext.engines.validation import validate_model
from monai_ext.models import read_card, read_training_record

pytestmark = pytest.mark.slow

OPTIONS = TrainOptions(max_epochs=2, batch_size=2, val_interval=1, seed=3)


def killed(*arguments: object, **options: object) -> None:
    raise KilledError


def versions(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("v*.safetensors"))


@pytest.mark.parametrize("half_precision", [False, True])
@pytest.mark.parametrize("place", ["record", "clear"])
def test_a_version_is_published_once(tmp_path, blob_study, quick_protocol, monkeypatch, place, half_precision) -> None:
    folder = tmp_path / "blobs"
    options = OPTIONS.model_copy(update={"half_precision": half_precision})
    job = (quick_protocol, labelled_images(blob_study)[:6], folder, options)
    with monkeypatch.context() as patch:
        patch.setattr(*{"record": (train, "write_training_record"), "clear": (RunState, "clear")}[place], killed)
        with pytest.raises(KilledError):
            train_model(*job)
    card, record = read_card(folder), read_training_record(folder, "v1")
    val_images = split_images(job[1], 0.2, read_settled_sides(folder))[1]
    assert card.val_error == validate_model(folder, val_images, torch.device("cpu"), batch_size=2).value
    assert is_resumable(folder)
    assert (record is None) == (place == "record")
    reports: list[dict] = []

    result = train_model(*job, on_progress=reports.append)

    assert result.card == read_card(folder) == card
    assert versions(folder) == ["v1.safetensors"]
    assert result.reason == (
        f"Published with a validation error of {card.val_error:.3f} {card.unit} before it was interrupted."
    )
    assert (reports[-1]["status"], reports[-1]["model_version"]) == ("done", "v1")
    assert not is_resumable(folder)
    written = read_training_record(folder, "v1")
    assert written == (record or written)
    assert [entry["epoch"] for entry in written["history"]] == [1, 2]
    assert written["model_sha256"] == card.sha256
    json.dumps(written, allow_nan=False)


def test_a_run_that_was_stopped_publishes_beside_the_model_that_it_began_with(
    tmp_path, blob_study, quick_protocol
) -> None:
    folder = tmp_path / "blobs"
    job = (quick_protocol, labelled_images(blob_study)[:6], folder)
    train_model(*job, OPTIONS)
    looks = iter([False] * 6)
    longer = OPTIONS.model_copy(update={"max_epochs": 3, "publish_worse": True})
    assert train_model(*job, longer, stop=lambda: next(looks, True)).stopped

    result = train_model(*job, longer)

    assert (result.card.version, result.card.parent) == ("v2", "v1")
    assert versions(folder) == ["v1.safetensors", "v2.safetensors"]
