"""train-source through the command line."""

from __future__ import annotations

import csv
import json

import pytest
from shape_images import write_shapes

from monai_ext.networks.cross_task import read_source

QUICK = ("--input-size", 32, "--max-epochs", 1, "--batch-size", 4, "--device", "cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_shapes(tmp_path_factory.mktemp("pictures"), 5, ("red_disc", "blue_disc"))


@pytest.fixture
def table(pictures, tmp_path):
    """The discs by their colour, one of each held out."""
    path = tmp_path / "classes.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "class", "split"])
        for i in range(5):
            for name in ("red_disc", "blue_disc"):
                writer.writerow([f"{name}/{name}_{i:02d}.png", name[:4].rstrip("_"), "val" if i == 0 else "train"])
    return path


def test_folders_become_a_source_file(cli, pictures, tmp_path) -> None:
    file = tmp_path / "new" / "source.safetensors"

    answer = cli("train-source", pictures, "-o", file, *QUICK, "--data", "Discs.")

    assert answer.code == 0, answer.err
    assert "2 classes, learned from 8 images; top-1" in answer.out
    assert "of 2 held-out images" in answer.out
    assert "epoch 1/1: loss" in answer.err
    assert [path.name for path in file.parent.iterdir()] == ["source.safetensors"]
    card = read_source(file)[1].card
    assert (card.architecture, card.class_names) == ("resnet18", ("blue_disc", "red_disc"))
    assert card.trained_on.startswith("Discs. 8 images of 2 classes")


def test_a_table_names_the_classes(cli, pictures, table, tmp_path) -> None:
    file = tmp_path / "source.safetensors"

    answer = cli("train-source", pictures, "--classes", table, "-o", file, *QUICK, "--json")

    assert answer.code == 0, answer.err
    result = json.loads(answer.out)
    assert (result["classes"], result["train_images"], result["val_images"], result["epochs"]) == (2, 8, 2, 1)
    assert result["file"] == str(file)
    assert 0 <= result["accuracy"] <= 1
    assert read_source(file)[1].card.class_names == ("blue", "red")


def test_a_file_is_replaced_only_when_told(cli, pictures, tmp_path) -> None:
    file = tmp_path / "source.safetensors"
    file.write_text("precious")

    refused = cli("train-source", pictures, "-o", file, *QUICK)
    assert refused.code == 2
    assert "use --overwrite" in " ".join(refused.err.split())
    assert file.read_text() == "precious"

    assert cli("train-source", pictures, "-o", file, *QUICK, "--overwrite").code == 0
    assert read_source(file)[1].card.num_classes == 2


def test_bad_input_exits_with_2_and_one_sentence(cli, pictures, tmp_path) -> None:
    alone = write_shapes(tmp_path / "alone", 3, ("red_disc",))
    for arguments, sentence in (
        ((tmp_path / "nowhere", "-o", tmp_path / "s.safetensors"), "nowhere does not exist"),
        ((alone, "-o", tmp_path / "s.safetensors"), "at least two classes, but there is only 'red_disc'"),
        ((pictures, "-o", tmp_path / "s.pt"), "not as 's.pt'"),
        ((pictures, "-o", tmp_path / "s.safetensors", "--device", "cuda:7"), "cuda:7"),
        ((pictures, "-o", tmp_path / "s.safetensors", "--classes", tmp_path / "no.csv"), "cannot be read"),
    ):
        answer = cli("train-source", *arguments)
        assert answer.code == 2
        assert sentence in " ".join(answer.err.split())
        assert "Traceback" not in answer.err


def test_a_folder_that_cannot_be_written_is_found_before_the_training(cli, pictures, tmp_path) -> None:
    (tmp_path / "taken").write_text("a file")

    answer = cli("train-source", pictures, "-o", tmp_path / "taken" / "source.safetensors", *QUICK)

    assert answer.code == 2
    assert "cannot be read or written (file exists)" in answer.err
    assert "epoch" not in answer.err


def test_the_command_explains_itself(cli) -> None:
    answer = cli("train-source", "--help")

    assert answer.code == 0
    assert "Example" in answer.out
