"""Sources that need no file: what they compute, and that a target begins as their copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from cross_task_case import batch, com_loss, detector

from monai_ext.landmarks import InputError
from monai_ext.landmarks.protocol_file import shipped_dir
from monai_ext.networks.cross_task import Distiller, SourceClassifier, named_source, named_sources
from monai_ext.networks.imagenet import imagenet_weights

ENCODERS = {"imagenet": "efficientnet-lite0", "faces": "face-resnet"}


@pytest.fixture(scope="module", params=ENCODERS)
def found(request: pytest.FixtureRequest) -> SourceClassifier:
    return named_source(request.param, ENCODERS[request.param], 3)


@torch.inference_mode()
def test_imagenet_is_the_classifier_of_the_installed_package() -> None:
    reference = timm.create_model("tf_efficientnet_lite0").eval()
    reference.load_state_dict(imagenet_weights("efficientnet-lite0").state)
    image = torch.randn(2, 3, 64, 96)
    source = named_source("imagenet", "efficientnet-lite0", 3)
    assert (source.num_classes, source.normalization) == (1000, "efficientnet-lite")
    torch.testing.assert_close(source(image).logits, reference(image), rtol=1e-4, atol=1e-4)


def test_regularisers_are_0_where_training_begins(found: SourceClassifier) -> None:
    image, points, status = batch()
    distiller = Distiller(detector(found), found).eval()
    with torch.no_grad():
        output = distiller(image)
        terms = com_loss().terms(output, points, status)
    assert float(output.g_s.std()) > 0.1
    assert (float(terms.classifier), float(terms.encoder)) == (0.0, 0.0)


def test_with_frozen_statistics_both_regularisers_begin_at_0_in_training(found: SourceClassifier) -> None:
    image, points, status = batch()
    terms = com_loss().terms(Distiller(detector(found), found, freeze_bn=True).train()(image), points, status)
    assert (float(terms.classifier.detach()), float(terms.encoder.detach())) == (0.0, 0.0)


@pytest.mark.parametrize("name", ENCODERS)
@torch.inference_mode()
def test_grey_gives_what_three_equal_channels_gave(name: str) -> None:
    colour, grey = (named_source(name, ENCODERS[name], channels).double() for channels in (3, 1))
    image = torch.randn(1, 1, 64, 96, dtype=torch.float64)
    torch.testing.assert_close(grey(image).logits, colour(image.expand(1, 3, 64, 96)).logits, rtol=1e-5, atol=1e-5)


def test_faces_says_where_it_comes_from() -> None:
    folder = shipped_dir("pretrained") / "sources"
    card = json.loads((folder / "faces.json").read_text())
    assert card["network"]["licence"] == "CC0 1.0"
    assert card["photographs"]["licence"] == "CC BY 4.0"
    assert "face_conversion" in card["conversion"]
    assert (folder / "faces.safetensors").stat().st_size < 12_500_000
    source = named_source("faces", "face-resnet", 3)
    assert (source.architecture, source.normalization) == ("face-resnet", "dlib")
    assert source.num_classes > 1


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_sources, "shipped_dir", lambda kind: tmp_path)
    with pytest.raises(InputError, match=r"faces.json cannot be read"):
        named_source("faces", "face-resnet", 3)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "faces.json").write_text(json.dumps({"file": "faces.safetensors", "sha256": "0" * 64}))
    (tmp_path / "sources" / "faces.safetensors").write_bytes(b"other")
    with pytest.raises(InputError, match=r"faces.safetensors is damaged \(SHA-256 d9298a10d1b0"):
        named_source("faces", "face-resnet", 3)


def test_an_encoder_without_imagenet_weights_is_refused() -> None:
    with pytest.raises(InputError, match="No ImageNet weights of 'face-resnet' are known"):
        named_source("imagenet", "face-resnet", 3)
