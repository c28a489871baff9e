"""MONAI bundles, run by MONAI itself."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from monai.bundle import ConfigParser

from monai_ext.inferers import Predictor
from monai_ext.landmarks import read_points_table
from monai_ext.model_export import export_bundle

#: What MONAI's own description of the metadata requires.
REQUIRED = (
    "schema", "version", "monai_version", "pytorch_version", "numpy_version", "required_packages_version", "task",
    "description", "authors", "copyright", "network_data_format",
)  # fmt: skip
TENSOR = {"type": str, "format": str, "num_channels": int, "spatial_shape": list, "dtype": str, "value_range": list}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, model_folder):
    folder = tmp_path_factory.mktemp("bundle")
    export_bundle(model_folder, folder)
    return folder


def test_metadata_have_what_monai_requires(bundle) -> None:
    said = json.loads((bundle / "configs" / "metadata.json").read_text())

    for key in REQUIRED:
        assert isinstance(said[key], dict if key in ("required_packages_version", "network_data_format") else str), key
    io = said["network_data_format"]
    for tensor in (io["inputs"]["image"], io["outputs"]["pred"]):
        for key, kind in TENSOR.items():
            assert isinstance(tensor[key], kind), key
    assert (io["inputs"]["image"]["num_channels"], io["inputs"]["image"]["spatial_shape"]) == (3, [32, 64])
    assert (io["outputs"]["pred"]["num_channels"], io["outputs"]["pred"]["spatial_shape"]) == (2, [8, 16])
    assert io["outputs"]["pred"]["channel_def"] == {"0": "spot_0", "1": "spot_1"}
    assert said["eval_metrics"] == {"mean_radial_error_px": 1.25}
    assert said["copyright"] == "CC BY 4.0, see the paper."


def test_its_network_and_preprocessing_are_those_of_the_model(bundle, model_folder, spot_images) -> None:
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.json"))
    parser["bundle_root"] = str(bundle)
    parser["device"] = "cpu"
    image = str(next(iter(spot_images)))

    sample = parser.get_parsed_content("preprocessing")({"image": image})
    heatmaps = parser.get_parsed_content("network_def")(sample["image"][None]).stages[-1].heatmaps

    assert sample["image"].shape == (3, 32, 64)
    wanted = Predictor.load(model_folder).network(sample["image"][None]).stages[-1].heatmaps
    np.testing.assert_array_equal(heatmaps.detach().numpy(), wanted.detach().numpy())


@pytest.mark.slow
def test_monai_runs_it_on_a_folder_of_images(bundle, model_folder, spot_images, tmp_path) -> None:
    folder, out = next(iter(spot_images)).parent, tmp_path / "results"
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", "configs/inference.json"]

    subprocess.run([*command, "--dataset_dir", folder, "--output_dir", out, "--device", "cpu"], cwd=bundle, check=True)

    predictor = Predictor.load(model_folder)
    answers = {answer["image"]: answer for answer in json.loads((out / "answers.json").read_text())}
    table = read_points_table(out / "landmarks.csv")
    assert set(answers) == set(table.images) == {path.stem for path in spot_images}
    for path in spot_images:
        wanted = predictor.predict(path).points
        found = [landmark["pixel"] for landmark in answers[path.stem]["landmarks"]]
        np.testing.assert_allclose(found, wanted, atol=1e-9)
        assert (out / f"{path.stem}.mrk.json").is_file()
