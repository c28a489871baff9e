"""ONNX files of a network whose answers are known."""

from __future__ import annotations

import json
import re
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from export_case import BrightestSpot, reach, spots

from monai_ext.images import read_image
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, ModelError
from monai_ext.model_export import Compared, compare_onnx, export_onnx, inputs_of

#: Present, doubtful and surely missing.
LOGITS = [4.0, -0.5, -6.0, *[2.0] * 16]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The file of a model of 19 landmarks and the model."""
    from PIL import Image

    predictor, folder = spots(LOGITS), tmp_path_factory.mktemp("onnx")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 91), np.uint8)).save(folder / "noise.png")
    export_onnx(predictor, folder / "spots.onnx", [folder / "noise.png"])
    return folder / "spots.onnx", predictor


def test_points_are_pixels_of_the_stored_image(exported, spot_images) -> None:
    session = onnxruntime.InferenceSession(str(exported[0]))
    for path, center in spot_images.items():
        points, confidence, presence, status = session.run(None, {"image": read_image(path)[0]})

        np.testing.assert_allclose(points, [center] * 19, atol=reach(path), rtol=0)
        np.testing.assert_allclose(presence, 1 / (1 + np.exp(-np.array(LOGITS))), atol=1e-6)
        assert status.tolist() == [1, 0, 0, *[1] * 16]
        np.testing.assert_allclose(confidence[1:3], 1 - presence[1:3], atol=1e-6)


def test_they_are_those_of_the_predictor(exported, spot_images) -> None:
    session = onnxruntime.InferenceSession(str(exported[0]))
    for path in spot_images:
        points, confidence, _, status = session.run(None, {"image": read_image(path)[0]})
        wanted = exported[1].predict(path)

        assert wanted.status.tolist() == status.tolist()
        np.testing.assert_allclose(points[status == 1], wanted.points[status == 1], atol=0.01, rtol=0)
        np.testing.assert_allclose(confidence, wanted.confidence, atol=1e-5)


def test_the_file_says_what_it_is(exported) -> None:
    said = onnxruntime.InferenceSession(str(exported[0])).get_modelmeta().custom_metadata_map

    assert json.loads(said["landmarks"]) == [f"spot_{i}" for i in range(19)]
    assert (said["protocol"], said["version"], said["normalization"]) == ("spots", "v9", "image")
    assert (said["input"], json.loads(said["input_size"]), said["channels"]) == ("stored", [128, 96], "grey")
    assert set(json.loads(said["outputs"])) == {"points", "confidence", "presence", "status"}


def test_the_example_of_the_page_runs(exported, tmp_path, monkeypatch, spot_images) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    path, center = next(iter(spot_images.items()))
    shutil.copy(path, tmp_path / "photo.png")
    shutil.copy(exported[0], tmp_path / "wings.onnx")
    monkeypatch.chdir(tmp_path)
    found: dict = {}

    exec(block, found)

    assert found["names"] == [f"spot_{i}" for i in range(19)]
    np.testing.assert_allclose(found["points"], [center] * 19, atol=reach(path), rtol=0)


def test_a_file_that_answers_otherwise_is_refused(exported, spot_images) -> None:
    data, predictor = exported[0].read_bytes(), exported[1]
    assert compare_onnx(predictor, data, list(spot_images)).images == 4
    other = Predictor(BrightestSpot([-4.0, *LOGITS[1:]]), predictor.card)
    with pytest.raises(ModelError, match="another confidence or status of spot_0 than the model's own answer"):
        compare_onnx(other, data, list(spot_images))
    moved = spots(LOGITS, decoder="argmax")
    with pytest.raises(ModelError, match=r"spots v9 answers spot_\d.png with spot_0 0\.\d+ px away from"):
        compare_onnx(moved, data, list(spot_images))


@pytest.mark.slow
def test_a_prepared_image_comes_with_its_map(tmp_path, spot_images) -> None:
    predictor = spots(None, channels="rgb", field_of_view=True, decoder="dark", presence=False)

    compared = export_onnx(predictor, tmp_path / "prepared.onnx", list(spot_images))

    session = onnxruntime.InferenceSession(str(tmp_path / "prepared.onnx"))
    said = session.get_modelmeta().custom_metadata_map
    assert isinstance(compared, Compared)
    assert compared.images == 4
    assert compared.distance < 0.01
    assert "lit circle" in json.loads(said["inputs"])["image"]
    assert said["input"] == "prepared"
    for path in spot_images:
        points, _, presence, status = session.run(None, inputs_of(predictor, path))
        np.testing.assert_allclose(points, predictor.predict(path).points, atol=0.01, rtol=0)
        assert (presence.tolist(), status.tolist()) == ([1.0], [1])


def test_without_images_nothing_is_exported(tmp_path) -> None:
    with pytest.raises(InputError, match="compared with the original on images, but none was given"):
        export_onnx(spots(None), tmp_path / "spots.onnx", [])
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path, monkeypatch, spot_images) -> None:
    monkeypatch.setattr(
        import_module("monai_ext.networks.onnx_network"), "PACKAGES", ("onnx", "a_package_that_is_not_there")
    )
    with pytest.raises(InputError, match=r'a_package_that_is_not_there.*pip install "monai-landmarks\[onnx\]"'):
        export_onnx(spots(None), tmp_path / "spots.onnx", list(spot_images))
