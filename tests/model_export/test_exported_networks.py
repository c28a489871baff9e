"""Every kind of network as an ONNX file and in onnxruntime, on twenty images of several sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from export_case import facts_of, protocol_of

from monai_ext.inferers import Predictor
from monai_ext.landmarks import shipped_dir
from monai_ext.model_export import export_onnx
from monai_ext.models import ModelCard
from monai_ext.networks import build_network

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
#: Of the backbones the one whose graph is optimised in seconds: four HRNets take minutes.
LIGHT = {"backbone": "efficientnet-lite0", "decoder_channels": 16}
WIDE = {"input_size": {"width": 128, "height": 96}}
#: Below float32's normal numbers digits are lost.
TINY = float(np.finfo(np.float32).tiny)
#: Of the decoders the one that rounding moves least where maps are as flat as those of random weights.
MASS = {"decoder": "local_soft_argmax"}
KINDS = {
    "heatmap_net": (19, {"name": "heatmap_net", "decoder_channels": [16, 12, 8, 8, 4]} | WIDE),
    "heatmap_net_gaussian": (1, {"name": "heatmap_net", "decoder_channels": 16, "decoder": "gaussian_fit"} | WIDE),
    "heatmap_net_second_look": (2, {"name": "heatmap_net", "decoder_channels": 16, "second_look": True} | WIDE),
    "zian": (2, {"name": "zian", "roi_sizes": [32, 64], "second_look": True} | LIGHT | WIDE),
    "zian_one": (1, {"name": "zian", "row": "1roi+sa", "roi_sizes": [32, 64], "presence": False} | LIGHT | WIDE),
    "zoom_net": (14, {"name": "zoom_net", "window": 64, "looks": 3, "shrunk": [0.4]} | LIGHT | WIDE),
    "deconv_net": (14, {"name": "deconv_net", "encoder": "resnet18", "presence": True} | WIDE | MASS),
    "hourglass": (19, {"name": "hourglass", "features": 16} | WIDE | MASS),
}


def images() -> list[Path]:
    """Twenty sample images of three protocols, no two of them of one size and none square."""
    folders = [sorted(folder.glob("*.[jp][pn]g")) for folder in sorted(SAMPLES.iterdir())]
    return [path for paths in folders for path in paths[:7]][:20]


def random_model(k: int, network: dict) -> Predictor:
    """A model with random weights, one of whose landmarks is missing where it tells.

    Weights that begin near zero are made larger: maps of rounding alone have their peaks anywhere.
    """
    torch.manual_seed(0)
    protocol = protocol_of(k, channels="rgb", **network)
    built = build_network(protocol)
    for name, parameter in built.named_parameters():
        if parameter.ndim == 4 and float(parameter.std()) < 0.01:
            parameter.data *= 100
        if "presence" in name and name.endswith("bias"):
            parameter.data[:] = torch.tensor([-9.0, *[9.0] * (k - 1)])
    return Predictor(built, ModelCard(version="v1", weights="-", sha256=network["name"], **facts_of(protocol)))


def check(predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    paths = images()[:count]
    compared = export_onnx(predictor, tmp_path / "model.onnx", paths)
    assert compared.images == count
    assert compared.distance <= 0.01

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    by_onnx = Predictor(predictor.network, predictor.card, runtime="onnx", calibration=predictor.calibration)
    for path in paths:
        found, wanted = by_onnx.predict_stages(path), predictor.predict_stages(path)
        assert found.landmarks.status.tolist() == wanted.landmarks.status.tolist()
        np.testing.assert_allclose(found.landmarks.points, wanted.landmarks.points, atol=0.01, rtol=0)
        np.testing.assert_allclose(found.uncertainty.landmarks, wanted.uncertainty.landmarks, rtol=1e-3, atol=TINY)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_network_answers_alike(kind, tmp_path, monkeypatch) -> None:
    check(random_model(*KINDS[kind]), tmp_path, monkeypatch, 20)


def test_a_network_of_halves_answers_alike(tmp_path, monkeypatch) -> None:
    predictor = random_model(1, KINDS["heatmap_net"][1])
    landmarks = [
        {"name": "left", "description": "a spot", "pair": "right"},
        {"name": "right", "description": "a spot", "pair": "left"},
    ]
    protocol = predictor.protocol.model_validate(
        predictor.protocol.model_dump()
        | {"landmarks": landmarks, "network": {"halves": True} | KINDS["heatmap_net"][1]}
    )
    card = predictor.card.model_copy(update={"protocol": protocol})
    torch.manual_seed(0)
    check(Predictor(build_network(protocol), card), tmp_path, monkeypatch, 20)


@pytest.mark.parametrize(
    "name", sorted(path.name for path in shipped_dir("pretrained").iterdir() if (path / "card.json").is_file())
)
def test_a_shipped_model_answers_alike(name, tmp_path, monkeypatch) -> None:
    check(Predictor.load(shipped_dir("pretrained") / name), tmp_path, monkeypatch, 20)
