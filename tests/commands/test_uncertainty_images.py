"""uncertainty: which images it judges a model on, and which it calibrates none with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from ablation_study import protocol_of, study_of

from monai_ext.models import publish, read_calibration
from monai_ext.networks import build_network
from monai_ext.studies import Studies

STATED = {"train": 3, "val": 4}


@pytest.fixture
def model(tmp_path) -> Path:
    """A model folder beside a study of seven images: the first four validate, the model was validated on two."""
    study_of(tmp_path / "studies", **STATED)
    protocol = protocol_of()
    torch.manual_seed(1)
    facts = {"labels_used": 5, "val_error": 1.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
    card = {"protocol": protocol, "val_images": ("image_000", "image_001"), **facts}
    publish(tmp_path / "model", build_network(protocol).state_dict(), card)
    return tmp_path / "model"


@pytest.fixture
def uncertainty(cli, model, tmp_path):
    def run(*arguments: object):
        where = ("--studies", tmp_path / "studies", "--model", model, "--output", tmp_path / "out", "--device", "cpu")
        return cli("uncertainty", *where, "--measures", "peak", "--unit", "px", *arguments)

    return run


def remember(model: Path, seen: list[str], train: Sequence[str] = ()) -> None:
    (model / "seen_labels.json").write_text(json.dumps(dict.fromkeys(seen, "1" * 64)))
    (model / "settled_sides.json").write_text(json.dumps({"train": list(train), "val": []}))


IDS = [f"image_{i:03d}" for i in range(7)]


@pytest.mark.parametrize("split", ["all", "train"])
def test_a_model_is_not_calibrated_with_images_that_trained_it(uncertainty, model, tmp_path, split) -> None:
    remember(model, IDS[:6])
    before = {path.name: path.read_bytes() for path in model.iterdir()}

    answer = uncertainty("--split", split, "--store")

    assert answer.code == 2
    count = {"all": "2 of 7", "train": "2 of 3"}[split]
    assert f"--store would calibrate the model with {count} images that it was trained on" in answer.words
    assert "choose others, e.g. with --split model, val or test, or leave --store out." in answer.words
    assert "Traceback" not in answer.err
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    assert not (tmp_path / "out").exists()


def test_without_storing_their_number_is_said(uncertainty, model, tmp_path) -> None:
    remember(model, IDS[:6])

    answer = uncertainty("--split", "all")

    assert answer.code == 0, answer.err
    assert "2 of the 7 images trained the model: on new ones its errors are larger" in answer.words
    document = json.loads((tmp_path / "out/uncertainty.json").read_text())
    assert (document["images_that_trained_the_model"], document["images_that_chose_the_model"]) == (2, 2)
    assert read_calibration(model, "v1") is None


@pytest.mark.parametrize(
    ("seen", "train", "splits", "count"),
    [
        ([], [], {}, 3),  # nothing is known but the splits
        (IDS[:4], [], {}, 0),  # those of the split "train" are new
        (IDS, ["image_003"], {}, 4),  # one that validates now was trained on before
        (IDS, [], dict.fromkeys(IDS, None), 5),  # no splits: all that was seen and did not validate
        (IDS, [], {"image_006": "test"}, 2),
    ],
)
def test_what_the_folder_and_the_splits_say(uncertainty, model, tmp_path, seen, train, splits, count) -> None:
    studies = Studies(tmp_path / "studies")
    stated = {**studies.splits(), **splits}
    studies.write_splits({id: split for id, split in stated.items() if split is not None})
    remember(model, seen, train)

    answer = uncertainty("--split", "all", "--json")

    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["images_that_trained_the_model"] == count


def test_images_that_did_not_train_the_model_calibrate_it(uncertainty, model) -> None:
    remember(model, IDS)

    answer = uncertainty("--split", "val", "--store")

    assert answer.code == 0, answer.err
    assert read_calibration(model, "v1").images == 4
    assert "trained the model" not in answer.err


def test_the_models_own_validation_images(uncertainty, model) -> None:
    remember(model, IDS)

    answer = uncertainty("--split", "model", "--store", "--json")

    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert (document["split"], document["images"], document["images_that_chose_the_model"]) == ("model", 2, 2)
    assert document["images_that_trained_the_model"] == 0
    assert read_calibration(model, "v1").images == 2
