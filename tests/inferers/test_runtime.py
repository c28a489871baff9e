"""Predictions by onnxruntime against those by torch."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from monai_ext.inferers import Answer, Predictor, graph_path, runtime_device
from monai_ext.landmarks import InputError, ModelError, Protocol
from monai_ext.models import ModelCard
from monai_ext.networks import OnnxNetwork, RoiFrame, Stage, StagedOutput, network_graph


class TwoLooks(nn.Module):
    """A coarse stage on the whole image and a fine one on a region about its peak, each the image itself."""

    def forward(self, image: torch.Tensor) -> StagedOutput:
        maps = 3 * image[:, :1].expand(-1, 2, -1, -1)
        coarse = nn.functional.avg_pool2d(maps, 4)
        row = coarse.amax(3).argmax(2)
        top = (row * 4 - 8).clamp(0, image.shape[2] - 32)
        rows = top[..., None] + torch.arange(32)
        fine = maps.gather(2, rows[..., None].expand(-1, -1, -1, image.shape[3]))
        origin = torch.stack([torch.zeros_like(top), top], -1) - 0.0
        stages = (
            Stage("coarse", coarse, RoiFrame(torch.zeros(2), 4.0)),
            Stage("roi", fine * 2, RoiFrame(origin, 1.0)),
            Stage("fine", fine, RoiFrame(origin, 1.0)),
        )
        return StagedOutput(stages, torch.tensor([[3.0, -2.0]]) + 0 * image.mean())


def card(sha256: str = "0") -> ModelCard:
    protocol = Protocol.model_validate(
        {
            "name": "spots",
            "title": "Spots",
            "channels": "grey",
            "landmarks": [{"name": name, "description": "a spot"} for name in ("one", "two")],
            "network": {"input_size": {"width": 128, "height": 96}},
        }
    )
    return ModelCard(
        protocol=protocol, version="v3", weights="-", sha256=sha256, labels_used=1, val_images=(), val_error=1,
        unit="px", epochs=1, seed=0, date="-",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    y, x = np.mgrid[:61, :140]
    spot = 30 + 200 * np.exp(-((x - 101.3) ** 2 + (y - 33.6) ** 2) / (2 * 3.0**2))
    Image.fromarray(spot.round().astype(np.uint8)).save(tmp_path / "spot.png")
    return tmp_path / "spot.png"


def same(found: Answer, wanted: Answer) -> None:
    assert found.landmarks.status.tolist() == wanted.landmarks.status.tolist() == [1, 0]
    np.testing.assert_allclose(found.landmarks.points, wanted.landmarks.points, atol=0.01, rtol=0)
    np.testing.assert_allclose(found.landmarks.confidence, wanted.landmarks.confidence, atol=1e-5)
    np.testing.assert_allclose(found.coarse, wanted.coarse, atol=0.01, rtol=0)
    np.testing.assert_allclose(found.uncertainty.landmarks, wanted.uncertainty.landmarks, rtol=1e-4)


def test_answers_are_those_of_torch_and_the_graph_is_kept_for_its_version(cache, image) -> None:
    torch_answer = Predictor(TwoLooks(), card()).predict_stages(image)

    first = Predictor(TwoLooks(), card(), runtime="onnx").predict_stages(image)

    np.testing.assert_allclose(torch_answer.landmarks.points[0], (101.3, 33.6), atol=0.25)
    same(first, torch_answer)
    kept = graph_path(card())
    assert kept.is_relative_to(cache)
    assert [path.name for path in kept.parent.glob("*.onnx")] == [kept.name]
    written = kept.stat().st_ino
    same(Predictor(TwoLooks(), card(), runtime="onnx").predict_stages(image), torch_answer)
    assert kept.stat().st_ino == written
    assert graph_path(card("1")) != kept


def test_a_graph_of_another_network_is_refused(image) -> None:
    path = graph_path(card())
    path.parent.mkdir(parents=True)
    example = torch.randn(1, 1, 96, 128)

    class Other(TwoLooks):
        def forward(self, image: torch.Tensor) -> StagedOutput:
            return super().forward(image * 1.1)

    path.write_bytes(network_graph(Other(), example).SerializeToString())
    with pytest.raises(ModelError, match=r"onnxruntime answers .* beside torch in heatmaps \(coarse\)"):
        Predictor(TwoLooks(), card(), runtime="onnx")
    OnnxNetwork(path.read_bytes(), Other(), example)


def test_it_runs_on_the_cpu() -> None:
    assert runtime_device("auto", "onnx").type == "cpu"
    with pytest.raises(InputError, match="runtime onnx runs on the CPU, but the device meta was asked for"):
        Predictor(TwoLooks(), card(), "meta", runtime="onnx")


def test_a_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setattr(import_module("monai_ext.networks.onnx_network"), "PACKAGES", ("a_package_that_is_not_there",))
    with pytest.raises(InputError, match=r"a_package_that_is_not_there, not installed here: run `pip install"):
        Predictor(TwoLooks(), card(), runtime="onnx")
