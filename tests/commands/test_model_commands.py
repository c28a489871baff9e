"""train, predict and evaluate on a small study, through the command line."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import yaml
from engine_study import blob_protocol, write_study
from PIL import Image

from monai_ext.evaluation import FailureCauses
from monai_ext.landmarks import Frame
from monai_ext.landmarks.markups import read_markups

__all__ = ["blob_protocol"]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, blob_protocol):
    root = tmp_path_factory.mktemp("workshop")
    studies = write_study(root / "studies", 12)
    studies.write_splits({f"image_{i:03d}": "val" if i < 3 else "train" for i in range(12)})
    (root / "blobs.yaml").write_text(yaml.safe_dump(blob_protocol.model_dump(mode="json")))
    return root


@pytest.fixture
def trained(cli, workshop):
    if not (workshop / "models").exists():
        answer = cli(
            "train", "--protocol", workshop / "blobs.yaml", "--studies", workshop / "studies",
            "--models", workshop / "models", "--max-epochs", 10, "--json",
        )  # fmt: skip
        assert answer.code == 0, answer.err
        (workshop / "train.json").write_text(answer.out)
    return workshop


def test_train_publishes_and_says_so(trained) -> None:
    result = json.loads((trained / "train.json").read_text())

    assert result["card"]["version"] == "v1"
    assert result["card"]["val_images"] == ["image_000", "image_001", "image_002"]
    assert result["val_error"] == result["card"]["val_error"]
    assert (trained / "models/blobs/v1.safetensors").is_file()


def test_predict_writes_markups_table_and_pictures(cli, trained) -> None:
    out = trained / "predictions"

    answer = cli(
        "predict", trained / "studies/image_000.png", trained / "studies/image_001.png",
        "--model", "blobs", "--models", trained / "models", "--output", out, "--json",
    )  # fmt: skip

    assert answer.code == 0, answer.err
    documents = json.loads(answer.out)
    rows = list(csv.DictReader((out / "landmarks.csv").open()))
    for id, document in zip(("image_000", "image_001"), documents, strict=True):
        markups = read_markups(out / f"{id}.mrk.json", Frame(80, 56), ["bright", "dark"])
        pixels = [item["pixel"] for item in document["landmarks"]]
        table = [[float(r["x"]), float(r["y"])] for r in rows if r["image"] == id]
        np.testing.assert_allclose(markups.points, pixels, atol=1e-9)
        np.testing.assert_allclose(markups.points, table, atol=1e-9)
        with Image.open(out / f"{id}.png") as picture:
            assert picture.width > picture.height
    assert documents[0]["model_version"] == "v1"
    assert documents[0]["unit"] == "px"


def test_evaluate_agrees_with_the_error_that_training_saw(cli, trained) -> None:
    out = trained / "evaluation"

    answer = cli(
        "evaluate", "--studies", trained / "studies", "--model", trained / "models/blobs", "--output", out, "--json"
    )

    assert answer.code == 0, answer.err
    metrics = json.loads((out / "metrics.json").read_text())
    trained_to = json.loads((trained / "train.json").read_text())["val_error"]
    assert metrics["overall"]["mre"] == pytest.approx(trained_to, abs=1e-3)
    rows = list(csv.DictReader((out / "errors.csv").open()))
    factors = FailureCauses.model_validate(metrics["failures"]).factors
    assert len(rows) == 3 * 2
    for number, row in enumerate(rows):
        for name, value in factors.of(*divmod(number, 2)).items():
            assert float(row[name] or "nan") == pytest.approx(value, nan_ok=True)
    for name in ("ced.png", "worst_cases.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 200


def test_evaluate_prints_tables(cli, trained) -> None:
    answer = cli(
        "evaluate", "--studies", trained / "studies", "--model", "blobs", "--models", trained / "models",
        "--output", trained / "evaluation", "--threshold", 3, "--split", "all",
    )  # fmt: skip

    assert answer.code == 0, answer.err
    assert "bright" in answer.out
    assert "Mean radial error" in answer.out
    assert "12 images (all)" in answer.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "--protocol", "nose", "--studies", "x"), "There is no protocol 'nose'"),
        (("train", "--protocol", "fundus", "--studies", "nowhere"), "nowhere does not exist"),
        (("predict", "nothing.png", "--model", "blobs"), "nothing.png does not exist"),
        (("predict", ".", "--model", "nose", "--models", "nowhere"), "monai-landmarks train --protocol nose"),
        (("evaluate", "--studies", "nowhere", "--model", "nose", "--models", "nowhere"), "There is no model 'nose'"),
        (("evaluate", "--studies", "nowhere"), "--model"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_to_do(cli, workshop, monkeypatch, arguments, sentence) -> None:
    monkeypatch.chdir(workshop / "studies")

    answer = cli(*arguments)

    assert answer.code == 2
    assert sentence in answer.err
    assert "Traceback" not in answer.err


def test_every_command_explains_itself(cli) -> None:
    for command in ("sample-data", "import", "train", "predict", "evaluate"):
        answer = cli(command, "--help")
        assert answer.code == 0
        assert "Example" in answer.out
