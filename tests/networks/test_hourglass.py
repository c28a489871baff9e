from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks.hourglass import Hourglass, HourglassModule, Residual


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    network = Hourglass(1, 3, stacks=3, features=8)
    with torch.no_grad():
        network(torch.randn(4, 1, 64, 64))  # statistics other than 0 and 1
    return network.eval()


def mirrored_weights(network: nn.Module, axis: int) -> None:
    """Makes every kernel its own mirror image, so that only the geometry of the layers can tell the sides apart."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = (module.weight + module.weight.flip(axis)) / 2


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("size", [(64, 128), (128, 64)])
def test_a_mirrored_image_gives_the_mirrored_heatmaps(axis, size):
    torch.manual_seed(1)
    network = Hourglass(2, 2, stacks=2, features=8).double().eval()
    mirrored_weights(network, axis)
    image = torch.randn(1, 2, *size, dtype=torch.double)

    with torch.no_grad():
        plain, mirrored = network(image), network(image.flip(axis))

    torch.testing.assert_close(mirrored.heatmaps.flip(axis), plain.heatmaps)
    torch.testing.assert_close(mirrored.intermediate[0].flip(axis), plain.intermediate[0])
    assert plain.heatmaps.std() > 1e-6


def test_a_cell_lies_at_the_centre_of_the_pixels_that_move_it():
    """The centre of mass of a cell's gradient, with all taps alike, is 4 x + 1.5 on each axis."""
    network = Hourglass(1, 1, stacks=1, features=4).double().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    # without the hourglass, whose pyramid sees all of the image: the stem alone makes the cells
    image = torch.rand(1, 1, 128, 192, dtype=torch.double).add(1).requires_grad_()
    pooled = [nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer for layer in network.stem]
    nn.Sequential(*pooled)(image)[0, 0, 17, 30].backward()
    gradient = image.grad[0, 0]
    y, x = (gradient.sum(axis) for axis in (1, 0))

    assert float((x * torch.arange(192)).sum() / x.sum()) == pytest.approx(4 * 30 + 1.5, abs=1e-9)
    assert float((y * torch.arange(128)).sum() / y.sum()) == pytest.approx(4 * 17 + 1.5, abs=1e-9)


def test_an_hourglass_moves_no_cell():
    """Pooled and brought up again, a cell lands where it was: against blocks written out in a loop."""
    hourglass = HourglassModule(4, depth=2)
    for residual in (m for m in hourglass.modules() if isinstance(m, Residual)):
        nn.init.zeros_(residual.branch[-1].weight)
        nn.init.zeros_(residual.branch[-1].bias)  # each residual module is the identity
    features = torch.randn(1, 4, 8, 12)
    expected = features.clone()
    for size in (2, 4):
        for row in range(8):
            for column in range(12):
                top, left = row // size * size, column // size * size
                expected[..., row, column] += features[..., top : top + size, left : left + size].amax((2, 3))

    torch.testing.assert_close(hourglass(features), expected)


@pytest.mark.parametrize("size", [(64, 128), (70, 50), (33, 47), (5, 3), (1, 1)])
def test_heatmaps_have_a_quarter_of_the_size(small, size):
    with torch.no_grad():
        output = small(torch.randn(2, 1, *size))

    cells = ((size[0] + 3) // 4, (size[1] + 3) // 4)
    assert output.heatmaps.shape == (2, 3, *cells)
    assert [maps.shape for maps in output.intermediate] == [(2, 3, *cells)] * 2
    assert (output.stride, output.presence) == (4, None)


def residual_count(a: int, b: int) -> int:
    m = b // 2
    convolutions = (a * m + m) + (9 * m * m + m) + (m * b + b) + (a * b + b if a != b else 0)
    return convolutions + 2 * (a + m + m)


@pytest.mark.parametrize(
    ("stacks", "landmarks", "channels", "total"),
    [(2, 16, 3, 6_573_280), (8, 16, 3, 25_436_992), (2, 14, 3, 0), (1, 19, 1, 0)],
)
def test_the_number_of_parameters(stacks, landmarks, channels, total):
    """Layer by layer as the paper has them, but for the first convolution's 8x8 taps; 25.1 million in Sun et al."""
    f, k = 256, landmarks
    stem = channels * 64 * 64 + 64 + 2 * 64 + residual_count(64, 128) + residual_count(128, 128)
    stem += residual_count(128, f)
    stack = (3 * 4 + 1 + 1) * residual_count(f, f) + (f * f + f + 2 * f) + (f * k + k)
    merge = (f * f + f) + (k * f + f)
    expected = stem + stacks * stack + (stacks - 1) * merge
    network = Hourglass(channels, landmarks, stacks)

    assert sum(p.numel() for p in network.parameters()) == expected
    assert not total or expected == total
    assert stacks != 8 or abs(expected / 25.1e6 - 1) < 0.02


def test_every_stack_is_the_input_of_the_next(small):
    """A change of the first stack's heatmap head reaches the last heatmaps, and all parameters learn."""
    network = Hourglass(1, 2, stacks=2, features=8, presence=True)
    output = network(torch.randn(2, 1, 64, 64))
    (output.heatmaps.square().mean() + output.presence.square().mean()).backward()

    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    assert output.presence.shape == (2, 2)
    assert network.stacks[0].heatmaps.weight.grad.abs().sum() > 0


def test_the_forward_pass_is_that_of_the_layers(small):
    image = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        x = small.stem(image)
        maps = []
        for i, stack in enumerate(small.stacks):
            features = stack.features(x)
            maps.append(F.conv2d(features, stack.heatmaps.weight, stack.heatmaps.bias))
            if i < 2:
                x = x + small.merges[i].features(features) + small.merges[i].heatmaps(maps[-1])
        output = small(image)

    torch.testing.assert_close(output.heatmaps, maps[-1])
    torch.testing.assert_close(output.intermediate, tuple(maps[:-1]))


def test_stages_are_in_the_frame_of_the_pixel_centres(small):
    with torch.no_grad():
        stages = small(torch.zeros(1, 1, 64, 64)).stages

    assert [stage.name for stage in stages] == ["stack", "stack", "heatmap"]
    pixels = torch.tensor([[[1.5, 5.5], [63.5, 0.0]]])
    for stage in stages:
        torch.testing.assert_close(stage.frame.from_image(pixels), (pixels + 0.5) / 4 - 0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 1), "at least one channel"), ((1, 1, 0), "one stack"), ((1, 1, 1, 30), "multiple of 4, not 30")],
)
def test_arguments_without_meaning_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Hourglass(*arguments)
