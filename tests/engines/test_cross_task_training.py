from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_study import write_study
from safetensors.torch import load_file

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.initialisation import find_source
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol
from monai_ext.networks.cross_task import SourceCard, SourceClassifier, write_source
from monai_ext.studies import Studies

OPTIONS = TrainOptions(device="cpu", checkpoint_seconds=0)
#: Small, with the standard layout of a stem and blocks.
ENCODER = "lcnet_035"


@pytest.fixture(scope="module")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    return write_study(tmp_path_factory.mktemp("blobs"), 6)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    source = SourceClassifier(ENCODER, num_classes=5)
    card = SourceCard(architecture=ENCODER, normalization="image", in_channels=3, num_classes=5)
    (tmp_path / "sources").mkdir()
    write_source(tmp_path / "sources" / "shapes.safetensors", source.state_dict(), card)
    return tmp_path


def task(plain: Protocol, epochs: int = 2, network: dict[str, Any] | None = None, **cross_task: Any) -> Protocol:
    return Protocol.model_validate(
        {
            **plain.model_dump(),
            "network": network or {"name": "deconv_net", "encoder": ENCODER, "input_size": {"width": 64, "height": 64}},
            "recipe": {
                "name": "cross_task",
                "max_epochs": epochs,
                "val_interval": 1,
                "cross_task": {"source": "shapes", **cross_task},
            },
        }
    )


def train(protocol: Protocol, study: Studies, models: Path, **options: Any) -> Any:
    return train_model(protocol, labelled_images(study), models / "blobs", OPTIONS.model_copy(update=options))


def test_com_logs_the_gradient_ratio_and_publishes_the_network_alone(
    blob_protocol: Protocol, small_study: Studies, models: Path
) -> None:
    file = models / "sources" / "shapes.safetensors"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    result = train(task(blob_protocol, lambda_cd=0.002), small_study, models)
    assert [entry["epoch"] for entry in result.history] == [1, 2]
    assert all(0 < entry["gradient_ratio"] < 100 for entry in result.history)
    names = load_file(models / "blobs" / "v1.safetensors").keys()
    assert {name.split(".")[0] for name in names} == {"encoder", "decoder", "heatmap_head"}
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    landmarks = Predictor.load(models / "blobs").predict(next(iter(small_study.images().values())))
    assert landmarks.names == ("bright", "dark")


def test_a_frozen_encoder_stays_the_source_s(blob_protocol: Protocol, small_study: Studies, models: Path) -> None:
    result = train(task(blob_protocol, lambda_ed=0.0, trainable="none"), small_study, models)
    assert "gradient_ratio" not in result.history[0]
    trained = load_file(models / "blobs" / "v1.safetensors")
    source = load_file(models / "sources" / "shapes.safetensors")
    grey = source["conv_stem.weight"].sum(1, keepdim=True)
    torch.testing.assert_close(trained["encoder.conv_stem.weight"], grey, rtol=0, atol=0)
    for name, tensor in trained.items():
        if name.startswith("encoder.") and name != "encoder.conv_stem.weight":
            torch.testing.assert_close(tensor, source[name.removeprefix("encoder.")], rtol=0, atol=0)


@pytest.mark.slow
def test_a_resumed_run_equals_an_unbroken_one(blob_protocol: Protocol, small_study: Studies, models: Path) -> None:
    protocol = task(blob_protocol, lambda_cd=0.002, train_classifier=True)
    whole = train(protocol, small_study, models, warm_start=False)
    whole_state = load_file(models / "blobs" / "v1.safetensors")

    class StopError(Exception):
        pass

    def stop(progress: dict[str, Any]) -> None:
        if progress["epoch"] == 1 and progress["val_error"] is not None:
            raise StopError

    other = models / "again"
    other.mkdir()
    (other / "sources").symlink_to(models / "sources")
    with pytest.raises(StopError):
        train_model(protocol, labelled_images(small_study), other / "blobs", OPTIONS, on_progress=stop)
    resumed = train_model(protocol, labelled_images(small_study), other / "blobs", OPTIONS)
    assert resumed.history == whole.history
    for name, tensor in load_file(other / "blobs" / "v1.safetensors").items():
        torch.testing.assert_close(tensor, whole_state[name], rtol=0, atol=0)


def test_the_backbones_of_a_zian_begin_as_the_source(
    blob_protocol: Protocol, small_study: Studies, models: Path
) -> None:
    network = {
        "name": "zian",
        "row": "1roi",
        "backbone": ENCODER,
        "roi_sizes": [32, 64],
        "input_size": {"width": 128, "height": 128},
    }
    result = train(task(blob_protocol, 1, network), small_study, models)
    assert result.history[0]["gradient_ratio"] > 0
    assert "val_error_coarse" in result.history[0]


NAMED = {
    "faces": {"name": "deconv_net", "encoder": "face-resnet", "input_size": {"width": 64, "height": 64}},
    "imagenet": {"name": "heatmap_net", "backbone": "efficientnet-lite0", "input_size": {"width": 64, "height": 64}},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_a_source_with_a_name_needs_no_file(
    blob_protocol: Protocol, small_study: Studies, tmp_path: Path, name: str
) -> None:
    protocol = task(blob_protocol, 2, NAMED[name], source=name, lambda_cd=0.5, trainable="last_block", freeze_bn=True)
    assert protocol.network.normalization == {"faces": "dlib", "imagenet": "efficientnet-lite"}[name]
    result = train(protocol, small_study, tmp_path)
    assert result.history[0]["gradient_ratio"] == 0  # measured in the first step, where both are alike
    assert result.history[1]["gradient_ratio"] > 0
    assert f"The source classifier {name}" in (tmp_path / "blobs" / "card.json").read_text()
    source = find_source(protocol, tmp_path)
    trained = load_file(tmp_path / "blobs" / "v1.safetensors")
    first = next(n for n, tensor in source.encoder.state_dict().items() if tensor.ndim == 4)
    torch.testing.assert_close(trained[f"encoder.{first}"], source.encoder.state_dict()[first], rtol=0, atol=0)


def test_a_file_with_the_name_of_a_source_is_refused(
    blob_protocol: Protocol, small_study: Studies, models: Path
) -> None:
    (models / "sources" / "shapes.safetensors").rename(models / "sources" / "faces.safetensors")
    protocol = task(blob_protocol, 1, NAMED["faces"], source="faces")
    with pytest.raises(InputError, match=r"faces\.safetensors has the name of the source 'faces' that needs no file"):
        train(protocol, small_study, models)
    other = task(blob_protocol, 1, source=str(models / "sources" / "faces.safetensors"))
    assert find_source(other, models).architecture == ENCODER


@pytest.mark.parametrize(
    ("cross_task", "network", "message"),
    [
        ({"source": "shape"}, None, r"'shape', which does not exist: put it at .*sources/shape.safetensors"),
        ({}, {"name": "deconv_net", "encoder": "resnet50"}, "the source is a lcnet_035 and .* resnet50"),
        ({}, {"name": "deconv_net", "encoder": ENCODER, "normalization": "imagenet"}, "normalisation 'image'"),
        ({}, {"name": "hourglass", "features": 16}, "hourglass has no encoder"),
        ({"source": "faces"}, {"name": "deconv_net", "encoder": ENCODER}, "is a face-resnet and .* a lcnet_035"),
        ({"source": "faces"}, {**NAMED["faces"], "normalization": "image"}, "'dlib', not 'image': leave network.norm"),
        ({"source": "imagenet"}, NAMED["faces"], "No ImageNet weights of 'face-resnet'"),
    ],
)
def test_refusals(
    blob_protocol: Protocol,
    small_study: Studies,
    models: Path,
    cross_task: dict[str, Any],
    network: dict[str, Any] | None,
    message: str,
) -> None:
    with pytest.raises(InputError, match=f"(?i){message}"):
        train(task(blob_protocol, 1, network, **cross_task), small_study, models)
    assert not (models / "blobs" / "card.json").exists()


def test_each_image_s_own_scale_is_for_an_encoder_that_only_begins_as_a_named_source(
    blob_protocol: Protocol, models: Path
) -> None:
    network = {**NAMED["faces"], "normalization": "image"}
    begins = task(blob_protocol, 1, network, source="faces", lambda_ed=0.0)
    assert find_source(begins, models).normalization == "dlib"
    for compared in ({"lambda_ed": 0.1}, {"lambda_ed": 0.0, "lambda_cd": 0.1}):
        with pytest.raises(InputError, match="'image' is for encoders that only begin as the source"):
            find_source(task(blob_protocol, 1, network, source="faces", **compared), models)
    for kept in ({"freeze_bn": True}, {"trainable": "last_block"}):
        with pytest.raises(InputError, match="'image' is for encoders that only begin as the source"):
            find_source(task(blob_protocol, 1, network, source="faces", lambda_ed=0.0, **kept), models)
    other = task(blob_protocol, 1, {**network, "normalization": "imagenet"}, source="faces", lambda_ed=0.0)
    with pytest.raises(InputError, match="'dlib', not 'imagenet'"):
        find_source(other, models)
