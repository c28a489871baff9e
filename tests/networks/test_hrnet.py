"""HRNet against timm's independent implementation, and its structure where timm is not there."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks.hrnet import HRNet

#: Width, parameters with all scales and with the finest only.
COUNTS = [(18, 9_562_260, 9_317_892), (32, 29_305_536, 28_535_552), (48, 65_325_120, 63_594_912)]


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


@pytest.mark.parametrize(("width", "in_channels"), [(18, 1), (32, 3), (48, 3)])
@torch.inference_mode()
def test_equals_timm_bit_for_bit(width: int, in_channels: int) -> None:
    timm = pytest.importorskip("timm")
    reference = with_random_statistics(
        timm.create_model(
            f"hrnet_w{width}",
            features_only=True,
            feature_location="",
            out_indices=(1, 2, 3, 4),
            in_chans=in_channels,
        )
    )
    network = HRNet(width, in_channels, all_scales=True).eval()
    network.load_state_dict(reference.state_dict(), strict=True)
    finest = HRNet(width, in_channels).eval()
    surplus = finest.load_state_dict(reference.state_dict(), strict=False)
    image = torch.randn(1, in_channels, 64, 96)
    expected = reference(image)
    found = network(image)
    assert [tuple(x.shape) for x in found] == [(1, width * 2**i, 16 >> i, 24 >> i) for i in range(4)]
    assert [float((a - b).abs().max()) for a, b in zip(found, expected, strict=True)] == [0.0] * 4
    (alone,) = finest(image)
    assert torch.equal(alone, expected[0])
    assert float(expected[0].std()) > 1e-3
    assert surplus.missing_keys == []
    assert {name[: len("stage4.2.fuse_layers.0")] for name in surplus.unexpected_keys} == {
        f"stage4.2.fuse_layers.{branch}" for branch in (1, 2, 3)
    }


@pytest.mark.parametrize(("width", "all_scales", "finest"), COUNTS)
def test_number_of_parameters(width: int, all_scales: int, finest: int) -> None:
    with torch.device("meta"):
        networks = HRNet(width, all_scales=True), HRNet(width)
    assert [sum(p.numel() for p in network.parameters()) for network in networks] == [all_scales, finest]


def test_parameters_of_the_dropped_exchange_layers() -> None:
    # Weights and the two vectors of a normalisation towards branches of 64, 128 and 256 channels, at width 32:
    to_64 = (9 * 32 * 64 + 128) + (128 * 64 + 128) + (256 * 64 + 128)
    to_128 = (9 * 32 * 32 + 64) + (9 * 32 * 128 + 256) + (9 * 64 * 128 + 256) + (256 * 128 + 256)
    to_256 = 2 * (9 * 32 * 32 + 64) + (9 * 32 * 256 + 512)
    to_256 += (9 * 64 * 64 + 128) + (9 * 64 * 256 + 512) + (9 * 128 * 256 + 512)
    assert to_64 + to_128 + to_256 == 29_305_536 - 28_535_552 == 769_984


def test_every_parameter_is_trained() -> None:
    network = HRNet(4, in_channels=1)
    network(torch.randn(2, 1, 64, 32))[0].square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@torch.inference_mode()
def test_a_transposed_network_gives_transposed_features() -> None:
    network = with_random_statistics(HRNet(4, in_channels=1)).double()
    twin = HRNet(4, in_channels=1).double().eval()
    state = network.state_dict()
    twin.load_state_dict({name: x.transpose(-1, -2) if x.ndim == 4 else x for name, x in state.items()})
    image = torch.randn(1, 1, 64, 96, dtype=torch.float64)
    torch.testing.assert_close(twin(image.mT)[0].mT, network(image)[0])


@pytest.mark.parametrize("shape", [(1, 1, 64, 64), (1, 3, 64, 70), (1, 3, 16, 64), (3, 64, 64)])
def test_other_images_are_refused(shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        network = HRNet(2)
    with pytest.raises(InputError, match=r"\(B, 3, H, W\) with H and W multiples of 32, not \("):
        network(torch.zeros(shape))


@pytest.mark.parametrize(("width", "in_channels"), [(0, 3), (18, 0)])
def test_numbers_without_meaning_are_refused(width: int, in_channels: int) -> None:
    with pytest.raises(InputError, match=f"width {width} with {in_channels}"):
        HRNet(width, in_channels)
