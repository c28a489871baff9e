"""Group normalisation in place of batch normalisation."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from monai_ext.landmarks import Protocol
from monai_ext.networks import build_network
from monai_ext.networks.blocks import with_group_norm


def protocol(**network: object) -> Protocol:
    small = {"name": "zian", "backbone": "efficientnet-b0", "share_backbone": True, "fusion_stride": 4}
    sizes = {"input_size": {"width": 160, "height": 128}, "roi_sizes": [32, 64]}
    return Protocol.model_validate(
        {
            "name": "dots",
            "title": "Dots",
            "channels": "grey",
            "landmarks": [{"name": "dot", "description": "the dot"}],
            "network": {**small, **sizes, **network},
        }
    )


def test_every_batch_norm_is_replaced_and_the_mean_of_each_group_is_what_torch_says() -> None:
    inner = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16, eps=1e-3))
    network = with_group_norm(nn.Sequential(inner, nn.BatchNorm2d(16), nn.ReLU()))

    assert [type(module) for module in network.modules()].count(nn.GroupNorm) == 2
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert (network[0][1].num_groups, network[0][1].eps) == (8, 1e-3)
    image = torch.randn(2, 1, 9, 7, generator=torch.Generator().manual_seed(0))
    groups = inner[0](image).reshape(2, 8, -1)
    expected = (groups - groups.mean(-1, keepdim=True)) / (groups.var(-1, keepdim=True, unbiased=False) + 1e-3).sqrt()
    torch.testing.assert_close(inner(image).reshape(2, 8, -1), expected)


def test_a_width_that_has_no_eight_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="divisible"):
        with_group_norm(nn.Sequential(nn.BatchNorm2d(12)))


def test_an_image_is_answered_alike_alone_in_a_batch_and_in_training() -> None:
    torch.manual_seed(0)
    network = build_network(protocol(norm="group"))
    images = torch.randn(3, 1, 128, 160)
    centers = torch.tensor([[[60.0, 50.0]], [[100.0, 80.0]], [[30.0, 90.0]]])
    for module in network.modules():  # dropped connections are no matter of the norm
        if hasattr(module, "drop_connect_rate"):
            module.drop_connect_rate = 0.0

    with torch.no_grad():
        together = network.train()(images, centers).fine
        alone = network.eval()(images[1:2], centers[1:2]).fine
    torch.testing.assert_close(together[1:2], alone, rtol=1e-3, atol=1e-4)


def test_pretrained_weights_keep_their_batch_norm() -> None:
    with pytest.raises(ValidationError, match="leave norm at batch"):
        protocol(norm="group", pretrained="weights.safetensors")
    plain = build_network(protocol())
    assert any(isinstance(module, nn.BatchNorm2d) for module in plain.modules())
