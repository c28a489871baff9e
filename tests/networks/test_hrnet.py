"""The HRNet of a backbone: timm's, without the layers towards branches that nothing reads."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from monai_ext.networks.backbones import build_backbone

#: Width, parameters of timm's trunk, and of the part that leads to the finest branch.
COUNTS = [(18, 9_562_260, 9_317_892), (32, 29_305_536, 28_535_552), (48, 65_325_120, 63_594_912)]


def trunk(width: int, in_channels: int = 3) -> nn.Module:
    """All four branches."""
    return timm.create_model(
        f"hrnet_w{width}", features_only=True, feature_location="", out_indices=(1, 2, 3, 4), in_chans=in_channels
    )


def with_random_statistics(network: nn.Module) -> nn.Module:
    """Batch normalisations that change their input, so that a wrong order of layers shows."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0, generator=generator)
            nn.init.normal_(module.bias, 0.0, 0.1, generator=generator)
            nn.init.normal_(module.running_mean, 0.0, 0.1, generator=generator)
            nn.init.uniform_(module.running_var, 1.0, 2.0, generator=generator)
    return network.eval()


@pytest.mark.parametrize("in_channels", [1, 3])
@torch.inference_mode()
def test_the_finest_branch_is_that_of_the_whole_network_bit_for_bit(in_channels: int) -> None:
    whole = with_random_statistics(trunk(18, in_channels))
    finest = build_backbone("hrnet_w18", in_channels).encoder.eval().to(memory_format=torch.contiguous_format)
    surplus = finest.load_state_dict(whole.state_dict(), strict=False)
    image = torch.randn(1, in_channels, 64, 96)

    (found,) = finest(image)

    expected = whole(image)[0]
    assert found.shape == (1, 18, 16, 24)
    assert float(expected.std()) > 1e-3
    assert torch.equal(found, expected)
    assert surplus.missing_keys == []
    assert {name[: len("stage4.2.fuse_layers.0")] for name in surplus.unexpected_keys} == {
        f"stage4.2.fuse_layers.{branch}" for branch in (1, 2, 3)
    }


@pytest.mark.parametrize(("width", "all_branches", "finest"), COUNTS)
def test_number_of_parameters(width: int, all_branches: int, finest: int) -> None:
    with torch.device("meta"):
        networks = trunk(width), build_backbone(f"hrnet_w{width}", 3).encoder
    assert [sum(p.numel() for p in network.parameters()) for network in networks] == [all_branches, finest]


def test_parameters_of_the_dropped_exchange_layers() -> None:
    # Weights and the two vectors of a normalisation towards branches of 64, 128 and 256 channels, at width 32:
    to_64 = (9 * 32 * 64 + 128) + (128 * 64 + 128) + (256 * 64 + 128)
    to_128 = (9 * 32 * 32 + 64) + (9 * 32 * 128 + 256) + (9 * 64 * 128 + 256) + (256 * 128 + 256)
    to_256 = 2 * (9 * 32 * 32 + 64) + (9 * 32 * 256 + 512)
    to_256 += (9 * 64 * 64 + 128) + (9 * 64 * 256 + 512) + (9 * 128 * 256 + 512)
    assert to_64 + to_128 + to_256 == 29_305_536 - 28_535_552 == 769_984
