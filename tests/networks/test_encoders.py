"""Encoders: maps of the right sizes, by timm's and MONAI's names."""

from __future__ import annotations

import pytest
import timm
import torch
from monai.networks.blocks import BaseEncoder
from monai.networks.nets.flexible_unet import FLEXUNET_BACKBONE
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks.encoders import BATCH_NORM_MOMENTUM, build_encoder, encoder_names, last_block, timm_name


@pytest.mark.parametrize(
    ("name", "in_channels", "channels"),
    [
        ("efficientnet-lite0", 3, (16, 24, 40, 112, 320)),
        ("efficientnet-b0", 1, (16, 24, 40, 112, 320)),
        ("resnet18", 1, (64, 64, 128, 256, 512)),
        ("resnet10", 3, (64, 64, 128, 256, 512)),
        ("mobilenetv3_small_100", 3, (16, 16, 24, 48, 576)),
        ("resnet50_caffe", 3, (64, 256, 512, 1024, 2048)),
        ("face-resnet", 1, (32, 32, 64, 128, 256)),
    ],
)
@torch.inference_mode()
def test_a_map_after_each_halving(name: str, in_channels: int, channels: tuple[int, ...]) -> None:
    encoder = build_encoder(name, in_channels).eval()
    maps = encoder(torch.rand(2, in_channels, 64, 96))
    assert encoder.channels == channels
    assert [tuple(m.shape) for m in maps] == [(2, c, 32 >> i, 48 >> i) for i, c in enumerate(channels)]
    momenta = {module.momentum for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)}
    assert momenta == {BATCH_NORM_MOMENTUM}


@torch.inference_mode()
def test_the_maps_are_those_of_timms_classifier() -> None:
    torch.manual_seed(0)
    reference = timm.create_model("tf_efficientnet_lite0").eval()
    encoder = build_encoder("efficientnet-lite0", 3).eval()
    encoder.load_state_dict({n: t for n, t in reference.state_dict().items() if n in encoder.state_dict()})
    image = torch.randn(1, 3, 64, 96)
    expected = reference.forward_intermediates(image, intermediates_only=True)
    assert all(torch.equal(a, b) for a, b in zip(encoder(image), expected, strict=True))


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("resnet18", "layer4"),
        ("resnet50_keras", "layer4"),
        ("resnet10", "layer4"),
        ("efficientnet-lite0", "blocks.6"),
        ("efficientnet-b0", "_blocks.6"),
        ("face-resnet", "layer4"),
        ("densenet121", "features_denseblock4"),
    ],
)
def test_the_last_block(name: str, block: str) -> None:
    encoder = build_encoder(name, 3)
    assert last_block(encoder) == block
    encoder.get_submodule(block)


def test_names_of_both_libraries() -> None:
    assert timm_name("efficientnet-lite0") == "tf_efficientnet_lite0"
    assert timm_name("resnet18") == "resnet18"
    assert timm_name("efficientnet-b0") is None
    assert {"efficientnet-lite0", "efficientnet-b7", "resnet10", "resnet50"} <= set(encoder_names())


def test_an_encoder_that_was_registered_with_monai() -> None:
    class Pooling(BaseEncoder, nn.Module):
        def __init__(self, spatial_dims: int, in_channels: int, pretrained: bool) -> None:
            super().__init__()
            assert (spatial_dims, pretrained) == (2, False)

        def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
            return [nn.functional.avg_pool2d(image, 2**stage) for stage in range(1, 6)]

        @classmethod
        def get_encoder_parameters(cls) -> list[dict]:
            return [{"spatial_dims": 2, "in_channels": 3, "pretrained": True}]

        @classmethod
        def num_channels_per_output(cls) -> list[tuple[int, ...]]:
            return [(3,) * 5]

        @classmethod
        def num_outputs(cls) -> list[int]:
            return [5]

        @classmethod
        def get_encoder_names(cls) -> list[str]:
            return ["pooling"]

    FLEXUNET_BACKBONE.register_class(Pooling)
    try:
        image = torch.rand(1, 3, 64, 32)
        assert torch.equal(build_encoder("pooling", 3)(image)[1], nn.functional.avg_pool2d(image, 4))
    finally:
        del FLEXUNET_BACKBONE.register_dict["pooling"]


@pytest.mark.parametrize(
    ("name", "channels", "message"),
    [
        ("vgg", 3, r"^Unknown backbone 'vgg': use a model of timm or one of .*efficientnet-lite0.*\.$"),
        ("convnext_tiny", 3, r"convnext_tiny gives maps at 1/4, 1/8, 1/16, 1/32 of the image, not at a half"),
        ("efficientnet-lite0", 0, "at least one image channel, not 0"),
    ],
)
def test_what_is_no_encoder_is_refused(name: str, channels: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_encoder(name, channels)
