from __future__ import annotations

import pytest
import torch
from monai.networks.nets import FlexibleUNet
from torch import nn

from monai_ext.landmarks import InputError, find_protocol
from monai_ext.landmarks.network_config import HeatmapNetConfig
from monai_ext.networks import HeatmapNet, build_network

#: The widths of MONAI's FlexibleUNet.
UNET = (256, 128, 64, 32, 16)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return HeatmapNet(1, 3, "resnet10", decoder_channels=(32, 16, 16, 8, 8)).eval()


def test_output_equals_monais_network_with_the_same_weights():
    torch.manual_seed(1)
    ours = HeatmapNet(3, 4, "efficientnet-b0", UNET, presence=False).eval()
    theirs = FlexibleUNet(3, 4, "efficientnet-b0", pretrained=False).eval()
    weights = {name.replace("heatmap_head.", "segmentation_head.0."): w for name, w in ours.state_dict().items()}
    lacking = theirs.load_state_dict(weights, strict=False)
    assert not lacking.unexpected_keys
    assert {name.split(".")[1] for name in lacking.missing_keys} == {"_conv_head", "_bn1", "_fc"}
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        output = ours(image)
        torch.testing.assert_close(output.heatmaps, theirs(image), atol=1e-4, rtol=1e-4)
    assert output.presence is None


def test_presence_is_a_linear_layer_on_the_pooled_deepest_features(small):
    torch.nn.init.normal_(small.presence_head.weight)
    image = torch.randn(2, 1, 64, 96)
    with torch.no_grad():
        deepest = small.encoder(image)[-1]
        expected = deepest.mean((2, 3)) @ small.presence_head.weight.T + small.presence_head.bias
        torch.testing.assert_close(small(image).presence, expected, atol=1e-5, rtol=1e-4)


def test_state_names_are_those_of_the_four_parts():
    names = {name.split(".")[0] for name in HeatmapNet(1, 2, "efficientnet-b0").state_dict()}
    assert names == {"encoder", "decoder", "heatmap_head", "presence_head"}
    assert "presence_head.weight" not in HeatmapNet(1, 2, "resnet10", presence=False).state_dict()


@pytest.mark.parametrize("backbone", ["efficientnet-b0", "resnet10"])
def test_batch_normalisation_follows_quickly(backbone):
    momenta = {m.momentum for m in HeatmapNet(1, 2, backbone).modules() if isinstance(m, nn.BatchNorm2d)}
    assert momenta == {0.1}


def test_the_classifier_of_the_encoder_is_left_out():
    count = sum(p.numel() for p in HeatmapNet(1, 12, "efficientnet-b0", UNET, presence=False).parameters())
    full = sum(p.numel() for p in FlexibleUNet(1, 12, "efficientnet-b0", pretrained=False).parameters())
    classifier = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    assert count == full - classifier


def test_one_network_does_not_change_the_next_ones_channels():
    HeatmapNet(3, 2, "resnet10")
    assert HeatmapNet(1, 2, "resnet10").encoder.conv1.in_channels == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "resnet19"}, "resnet19.*efficientnet-b0.*resnet18"),
        ({"num_landmarks": 0}, "at least one"),
        ({"in_channels": 0}, "at least one"),
        ({"decoder_channels": (32, 16)}, "decoder_channels"),
        ({"decoder_channels": (32, 16, 8, 4, 0)}, "decoder_channels"),
        ({"dropout": 1.0}, "dropout must be a probability in \\[0, 1\\), not 1.0"),
        ({"dropout": -0.1}, "not -0.1"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        HeatmapNet(**{"in_channels": 1, "num_landmarks": 2, "backbone": "resnet10", **options})


def test_dropout_acts_in_training_only_and_adds_no_weights(small):
    image = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    dropping = HeatmapNet(1, 3, "resnet10", decoder_channels=(32, 16, 16, 8, 8), dropout=0.5)
    dropping.load_state_dict(small.state_dict())
    torch.testing.assert_close(dropping.eval()(image).heatmaps, small(image).heatmaps, rtol=0, atol=0)

    layers = [module for module in dropping.modules() if isinstance(module, torch.nn.Dropout) and module.p == 0.5]
    assert len(layers) == 10  # two convolutions in each of five stages
    for layer in layers:
        layer.train()
    assert not torch.equal(dropping(image).heatmaps, small(image).heatmaps)


def test_the_protocol_sets_dropout():
    config = HeatmapNetConfig(backbone="resnet10", decoder_channels=(8, 8, 8, 8, 8), dropout=0.25)
    protocol = find_protocol("fundus").model_copy(update={"network": config})
    assert {module.p for module in build_network(protocol).modules() if isinstance(module, torch.nn.Dropout)} == {0.25}
