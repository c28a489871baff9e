from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from monai_ext.landmarks import InputError
from monai_ext.networks import HeatmapNet
from monai_ext.networks.backbones import build_backbone
from monai_ext.networks.decoder import PyramidDecoder

CHANNELS = (16, 24, 40, 112, 320)


def maps_of(height: int, width: int, channels=CHANNELS) -> list[torch.Tensor]:
    return [torch.randn(2, c, height >> i, width >> i) for i, c in enumerate(channels, start=1)]


@pytest.mark.parametrize(("stride", "out_channels"), [(1, 16), (2, 32), (4, 64)])
def test_sizes_and_widths(stride, out_channels):
    decoder = PyramidDecoder(CHANNELS, 64, stride).eval()
    assert decoder.out_channels == out_channels
    with torch.no_grad():
        assert decoder(maps_of(96, 160)).shape == (2, out_channels, 96 // stride, 160 // stride)


def passing_the_deepest_map_on(stride: int) -> PyramidDecoder:
    """A pyramid of four channels whose finer maps count for nothing and whose convolutions repeat their input."""
    decoder = PyramidDecoder((4,) * 5, 4, stride).eval()
    for module in decoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            middle = module.kernel_size[0] // 2
            for channel in range(module.out_channels):
                module.weight.data[channel, channel, middle, middle] = 1.0
    return decoder


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_no_pixel_moves(stride):
    decoder = passing_the_deepest_map_on(stride)
    at = (torch.arange(8) + 0.5) * 32 - 0.5  # where the cells of the deepest map lie on the image, in pixels
    column = at.expand(6, 8)
    row = ((torch.arange(6) + 0.5) * 32 - 0.5)[:, None].expand(6, 8)
    deepest = torch.stack((column, row, column, row))[None]
    maps = [torch.randn(1, 4, 192 >> i, 256 >> i) for i in range(1, 5)] + [deepest]
    with torch.no_grad():
        answer = decoder(maps)[0]
    xs = (torch.arange(256 // stride) + 0.5) * stride - 0.5
    ys = (torch.arange(192 // stride) + 0.5) * stride - 0.5
    inside_x, inside_y = (xs > 32) & (xs < 224), (ys > 32) & (ys < 160)  # the border cells are held there
    torch.testing.assert_close(answer[0][:, inside_x][inside_y], xs[inside_x].expand(int(inside_y.sum()), -1))
    if stride > 1:  # at full resolution there is one channel alone
        torch.testing.assert_close(
            answer[1][:, inside_x][inside_y], ys[inside_y][:, None].expand(-1, int(inside_x.sum()))
        )


@pytest.mark.parametrize("stride", [1, 2])
def test_every_map_and_every_weight_counts(stride):
    decoder = PyramidDecoder(CHANNELS, 8, stride)
    maps = [m.requires_grad_() for m in maps_of(64, 96)]
    decoder(maps).square().mean().backward()
    assert all(m.grad is not None and m.grad.abs().max() > 0 for m in maps)
    assert [name for name, p in decoder.named_parameters() if p.grad is None] == []


def test_at_a_quarter_the_finest_map_is_left_out():
    decoder = PyramidDecoder(CHANNELS, 8, 4)
    maps = [m.requires_grad_() for m in maps_of(64, 96)]
    decoder(maps).square().mean().backward()
    assert maps[0].grad is None
    assert all(m.grad is not None for m in maps[1:])


def test_it_has_a_sixth_of_the_weights_of_the_u_net():
    def count(decoder_channels) -> int:
        return sum(
            p.numel() for p in HeatmapNet(3, 14, decoder_channels=decoder_channels, stride=2).decoder.parameters()
        )

    # laterals of four maps and of the finest, three joints and the last one, which is half as wide
    convolutions = (24 + 40 + 112 + 320) * 64 + 16 * 32 + 3 * 128 * 64 * 9 + 64 * 32 + 64 * 32 * 9
    normalisations = 2 * (4 * 64 + 32 + 3 * 64 + 2 * 32)
    assert count(64) == convolutions + normalisations == 275008
    assert count((256, 128, 64, 32, 16)) > 6 * count(64)


def test_dropout_drops_whole_channels_in_training_alone():
    decoder = PyramidDecoder(CHANNELS, 64, 2, dropout=0.5)
    maps = maps_of(64, 64)
    trained = decoder(maps)
    empty = (trained == 0).flatten(2).all(-1)  # (2, 32): the channels without a value other than 0
    # of 64 draws at one half: 32 in the mean, standard deviation 4
    assert 12 <= int(empty.sum()) <= 52
    assert not torch.equal(empty[0], empty[1])
    decoder.eval()
    again = decoder(maps)
    assert not (again == 0).flatten(2).all(-1).any()
    torch.testing.assert_close(again, decoder(maps), rtol=0, atol=0)


@pytest.mark.parametrize("width", [0, -3])
def test_a_width_without_meaning_is_refused(width):
    with pytest.raises(InputError, match=rf"positive number of channels, not {width}"):
        HeatmapNet(1, 2, decoder_channels=width)


def test_a_backbone_with_a_pyramid_gives_sixteen_channels_of_any_image():
    backbone = build_backbone("efficientnet-lite0", 3, 24).eval()
    with torch.no_grad():
        assert backbone(torch.rand(1, 3, 70, 50)).shape == (1, 16, 70, 50)


def test_a_backbone_with_a_decoder_of_its_own_takes_no_width():
    with pytest.raises(InputError, match="hrnet_w18 has its own decoder: leave out decoder_channels 64"):
        build_backbone("hrnet_w18", 3, 64)


class BatchNormGradients(TorchDispatchMode):
    """Whether each gradient that reached a batch normalisation lies in memory without gaps."""

    def __init__(self) -> None:
        super().__init__()
        self.dense: list[bool] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.native_batch_norm_backward.default:
            self.dense.append(args[0].is_contiguous(memory_format=torch.channels_last))
        return func(*args, **(kwargs or {}))


def test_gradients_of_the_finer_maps_are_dense():
    decoder = PyramidDecoder(CHANNELS, 8).to(memory_format=torch.channels_last).train()
    maps = [map_.contiguous(memory_format=torch.channels_last) for map_ in maps_of(64, 96)]
    with BatchNormGradients() as seen:
        decoder(maps).square().sum().backward()
    assert seen.dense == [True] * 10  # five laterals, four joints, one narrower


def test_gradients_are_those_of_differences():
    torch.manual_seed(0)
    decoder = PyramidDecoder((3, 2, 4, 2, 3), 4, stride=1).double().train()
    maps = [map_.double().requires_grad_() for map_ in maps_of(64, 32, (3, 2, 4, 2, 3))]
    assert torch.autograd.gradcheck(lambda *m: decoder(m), maps, fast_mode=True, check_undefined_grad=False)
