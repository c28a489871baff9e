from __future__ import annotations

import json
from importlib import import_module

import pytest

from monai_ext.models import load_network


def test_the_shipped_model_becomes_a_folder_that_predicts(cli, tmp_path) -> None:
    answer = cli("export-model", "fundus", "--format", "hf", "--output", tmp_path / "hub", "--json")

    assert answer.code == 0, answer.err
    assert json.loads(answer.out) == {
        "format": "hf", "protocol": "fundus", "version": "v7", "output": str(tmp_path / "hub"),
    }  # fmt: skip
    assert load_network(tmp_path / "hub")[1].protocol.landmark_names == ("fovea", "optic_disc")
    assert (tmp_path / "hub" / "README.md").read_text().startswith("---\nlicense: apache-2.0\n")


def test_a_file_is_not_overwritten(cli, tmp_path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"mine")
    answer = cli("export-model", "fundus", "--format", "onnx", "--output", tmp_path / "model.onnx")
    assert answer.code == 2
    assert "model.onnx exists: name another with --output, or use --overwrite." in answer.words
    assert (tmp_path / "model.onnx").read_bytes() == b"mine"


def test_images_to_compare_with_are_wanted(cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("monai_ext.commands.export_model.app_dir", lambda: tmp_path / "apps" / "landmarks")
    answer = cli("export-model", "fundus", "--format", "onnx", "--output", tmp_path / "model.onnx")
    assert answer.code == 2
    assert "There are no sample images of fundus to compare the file on: name some with --check." in answer.words


def test_an_image_and_a_folder_are_checked_before_the_graph_is_made(cli, tmp_path, monkeypatch) -> None:
    def graph(predictor):
        raise AssertionError("it was made")

    monkeypatch.setattr("monai_ext.model_export.onnx_file._graph", graph)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    answer = cli("export-model", "fundus", "--format", "onnx", "-o", tmp_path / "m.onnx", "--check", broken)
    assert answer.code == 2
    assert "broken.png cannot be read as PNG" in answer.words
    answer = cli("export-model", "fundus", "--format", "onnx", "-o", "/dev/null/m.onnx", "--check", broken)
    assert answer.code == 2
    assert "/dev/null" in answer.words


def test_a_runtime_that_is_not_installed_is_named(cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(import_module("monai_ext.networks.onnx_network"), "PACKAGES", ("a_package_that_is_not_there",))
    answer = cli(
        "predict", "sample_data/fundus", "--model", "fundus", "--runtime", "onnx", "--output", tmp_path / "out"
    )
    assert answer.code == 2
    assert 'a_package_that_is_not_there, not installed here: run `pip install "monai-landmarks[onnx]"`' in answer.words
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_predictions_by_onnxruntime_are_those_of_torch(cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = [f"sample_data/fundus/synthetic_fundus_{number:03d}.jpg" for number in (1, 2, 3)]
    answers = {}
    for runtime in ("torch", "onnx"):
        answer = cli(
            "predict", *images, "--model", "fundus", "--runtime", runtime, "--output", tmp_path / runtime,
            "--no-overlays", "--json",
        )  # fmt: skip
        assert answer.code == 0, answer.err
        answers[runtime] = json.loads(answer.out)
    for found, wanted in zip(answers["onnx"], answers["torch"], strict=True):
        for one, other in zip(found["landmarks"], wanted["landmarks"], strict=True):
            assert one["pixel"] == pytest.approx(other["pixel"], abs=0.01)
    assert len(list((tmp_path / "cache").rglob("fundus_v7_*.onnx"))) == 1
