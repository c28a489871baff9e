"""Folders for Hugging Face's hub."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open

from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError
from monai_ext.model_export import export_hugging_face, front_matter, hub_licence
from monai_ext.models import fit_familiarity, load_network, read_card, read_familiarity, write_familiarity
from monai_ext.reports import About


def test_our_loader_reads_it_as_it_is(tmp_path, model_folder, spot_images) -> None:
    card = export_hugging_face(model_folder, tmp_path / "hub")

    network, read = load_network(tmp_path / "hub")
    assert (read, read.version, read.weights) == (card, "v1", "model.safetensors")
    for name, tensor in load_network(model_folder)[0].state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name
    image = next(iter(spot_images))
    found, wanted = (Predictor.load(folder).predict(image) for folder in (tmp_path / "hub", model_folder))
    np.testing.assert_array_equal(found.points, wanted.points)


def test_what_it_knows_of_its_images_names_the_new_weights(tmp_path, model_folder, rng) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    card = read_card(model_folder)
    known = fit_familiarity(
        rng.normal(size=(20, 6)), rng.normal(size=(9, 6)), protocol="spots", version="v1", sha256=card.sha256
    )
    write_familiarity(tmp_path / "model", known)

    copied = export_hugging_face(tmp_path / "model", tmp_path / "hub")

    found = read_familiarity(tmp_path / "hub", "v1", copied.sha256)
    assert found is not None
    assert copied.sha256 != card.sha256
    assert found.threshold == known.threshold
    np.testing.assert_array_equal(found.axes, known.axes)


def test_the_weights_name_themselves(tmp_path, model_folder) -> None:
    export_hugging_face(model_folder, tmp_path / "hub")

    with safe_open(tmp_path / "hub" / "model.safetensors", "pt") as file:
        said = file.metadata()
    assert (said["protocol"], said["version"], said["format"]) == ("spots", "v1", "pt")
    assert json.loads(said["landmarks"]) == ["spot_0", "spot_1"]
    assert json.loads(said["input_size"]) == [64, 32]


def test_the_readme_begins_with_what_the_hub_reads(tmp_path, model_folder) -> None:
    export_hugging_face(model_folder, tmp_path / "hub")

    nothing, front, text = (tmp_path / "hub" / "README.md").read_text().split("---\n", 2)
    said = yaml.safe_load(front)
    assert nothing == ""
    assert said["license"] == "cc-by-4.0"
    assert said["library_name"] == "monai-landmarks"
    assert said["datasets"] == ["Spotted images"]
    assert said["metrics"] == ["mean_radial_error"]
    assert {"landmark-detection", "monai", "spots", "hourglass"} <= set(said["tags"])
    (result,) = said["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == 1.25
    assert "Finds two spots." in text
    assert "Predictor.load" in text


def test_an_error_that_is_no_number_is_left_out(model_folder) -> None:
    card = load_network(model_folder)[1].model_copy(update={"val_error": math.nan})
    assert "model-index" not in front_matter(card, About())


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (None, "unknown"),
        ("Apache-2.0, as the project; name the source", "apache-2.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("CC BY-NC-SA 4.0", "cc-by-nc-sa-4.0"),
        ("CC BY 4.0", "cc-by-4.0"),
        ("MIT", "mit"),
        ("Ask the hospital", "other"),
        ("Mitte hospital's own", "other"),
    ],
)
def test_licences_have_the_hubs_names(statement, name, model_folder) -> None:
    assert hub_licence(statement) == name
    front = front_matter(load_network(model_folder)[1], About(licence=statement))
    assert front.get("license_name") == (statement if name == "other" else None)


def test_a_folder_with_something_in_it_is_not_overwritten(tmp_path, model_folder) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty: name another with --output, or use --overwrite"):
        export_hugging_face(model_folder, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    export_hugging_face(model_folder, tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
