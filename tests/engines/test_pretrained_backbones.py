"""A cold training of a ZIAN begins with the backbone weights that its protocol names."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from engine_study import blob_study
from safetensors.torch import save_file

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, train_model
from monai_ext.engines.initialisation import initialise
from monai_ext.landmarks import InputError, Protocol
from monai_ext.models import load_network
from monai_ext.networks import Backbone, build_network
from monai_ext.networks.backbones import build_backbone
from monai_ext.studies import Studies

__all__ = ["blob_study"]

NETWORK = {
    "name": "zian",
    "backbone": "unet_small",
    "input_size": {"width": 96, "height": 64},
    "roi_sizes": [32, 64],
    "fusion_stride": 4,
    "pretrained": "backbone.safetensors",
}
#: Weights stay where they began.
STILL = TrainOptions(max_epochs=1, val_interval=1, learning_rate=1e-12)


def protocol_of(**network: object) -> Protocol:
    names = ("bright", "dark")
    return Protocol.model_validate(
        {
            "name": "blobs",
            "title": "Blobs",
            "channels": "grey",
            "landmarks": [
                {"name": name, "description": name, **({"pair": names[1 - i]} if network.get("halves") else {})}
                for i, name in enumerate(names)
            ],
            "network": {**NETWORK, **network},
            "recipe": {"weight_decay": 0.0, "ema_decay": 0.0},
        }
    )


def write_weights(path: Path, name: str = "unet_small", channels: int = 1) -> dict[str, torch.Tensor]:
    torch.manual_seed(77)
    state = {key: value.contiguous() for key, value in build_backbone(name, channels).state_dict().items()}
    save_file(state, path)
    return state


def check_begun_with(network: torch.nn.Module, state: dict[str, torch.Tensor], backbones: int) -> None:
    """All backbones have the convolutions of a state; the statistics of norms move in training."""
    found = [module for module in network.modules() if isinstance(module, Backbone)]
    assert len(found) == backbones
    convolutions = [name for name, tensor in state.items() if tensor.ndim == 4]
    assert len(convolutions) > 3
    for backbone in found:
        for name in convolutions:
            torch.testing.assert_close(backbone.state_dict()[name], state[name], atol=1e-6, rtol=0)


@pytest.fixture
def images(blob_study: Studies) -> list[LabelledImage]:
    return labelled_images(blob_study)[:4]


@pytest.mark.parametrize(
    ("options", "backbones"),
    [({}, 3), ({"share_roi_backbone": True}, 2), ({"share_backbone": True}, 1), ({"row": "1roi"}, 2)],
)
def test_every_backbone_begins_with_the_file_in_the_models_folder(tmp_path, images, options, backbones) -> None:
    state = write_weights(tmp_path / "backbone.safetensors")

    train_model(protocol_of(**options), images, tmp_path / "blobs", STILL)

    check_begun_with(load_network(tmp_path / "blobs")[0], state, backbones)


def test_inside_halves_and_by_a_full_path(tmp_path) -> None:
    state = write_weights(tmp_path / "elsewhere.safetensors")
    protocol = protocol_of(halves=True, pretrained=str(tmp_path / "elsewhere.safetensors"))
    network = build_network(protocol)

    initialise(network, protocol, tmp_path / "models", None)

    check_begun_with(network, state, 3)


def test_building_alone_and_a_warm_start_do_not_read_the_file(tmp_path, images) -> None:
    protocol, weights = protocol_of(), tmp_path / "backbone.safetensors"
    build_network(protocol)
    write_weights(weights)
    first = train_model(protocol, images, tmp_path / "blobs", TrainOptions(max_epochs=1, val_interval=1))
    weights.unlink()

    # on this machine the file is gone; the current model has all that is needed
    again = train_model(protocol, images, tmp_path / "blobs", TrainOptions(max_epochs=1, val_interval=1))

    assert first.card is not None
    assert again.epochs == 1


def test_a_missing_file_is_one_sentence_before_training(tmp_path, images) -> None:
    reports: list[dict] = []

    with pytest.raises(InputError, match=r"There are no weights 'backbone.safetensors': put them at .*tmp") as error:
        train_model(protocol_of(), images, tmp_path / "blobs", on_progress=reports.append)

    assert str(error.value).count(". ") == 0
    assert reports == []


@pytest.mark.parametrize(
    ("name", "channels", "reason"),
    [
        ("unet", 1, "not of unet_small"),
        ("unet_small", 3, ""),  # summed over the channels: a grey image is three equal ones
        ("unet_small", 2, "has to be .* as many image channels"),
    ],
)
def test_weights_of_another_network(tmp_path, images, caplog, name, channels, reason) -> None:
    state = write_weights(tmp_path / "backbone.safetensors", name, channels)
    protocol, network = protocol_of(), build_network(protocol_of())
    if reason:
        with pytest.raises(InputError, match=rf"backbone\.safetensors .*{reason}"):
            initialise(network, protocol, tmp_path, None)
        return
    with caplog.at_level(logging.INFO):
        initialise(network, protocol, tmp_path, None)
    first = next(key for key, tensor in state.items() if tensor.ndim == 4)
    torch.testing.assert_close(network.coarse_backbone.state_dict()[first], state[first].sum(1, keepdim=True))
