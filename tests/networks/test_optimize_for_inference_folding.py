from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from monai_ext.networks.inference import fold_batch_norms
from monai_ext.networks.inference.call_trace import CallTrace


def norm_of(channels: int, dimensions: int = 2, affine: bool = True) -> nn.Module:
    generator = torch.Generator().manual_seed(2)
    norm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[dimensions - 1](channels, affine=affine)
    norm.running_mean.normal_(generator=generator)
    norm.running_var.uniform_(0.2, 3, generator=generator)
    if affine:
        norm.weight.data.normal_(generator=generator)
        norm.bias.data.normal_(generator=generator)
    return norm


def image(*shape: int) -> torch.Tensor:
    return torch.randn(*(shape or (2, 3, 9, 12)), generator=torch.Generator().manual_seed(5))


class Calls(nn.Module):
    """Layers a, b, norm and other, called as a function says."""

    def __init__(self, function, **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.a, self.b, self.norm = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 1), norm_of(6)
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: torch.Tensor):
        return self.function(self, x)


def check(network: nn.Module, x: torch.Tensor, folded: int, left: int) -> None:
    network.eval()
    with torch.no_grad():
        before = network(x)
        assert fold_batch_norms(network, (x,)) == (folded, left)
        torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(3, 6, 3, stride=2), (2, 3, 11)),
        (nn.Conv2d(3, 6, (3, 2), padding=1), (2, 3, 9, 12)),
        (nn.Conv2d(3, 6, 3, groups=3, padding=1, padding_mode="reflect"), (2, 3, 9, 12)),
        (nn.Conv3d(3, 6, 2, dilation=2), (1, 3, 5, 6, 7)),
        (nn.ConvTranspose1d(3, 6, 4, stride=2), (2, 3, 7)),
        (nn.ConvTranspose2d(3, 6, 4, stride=2, padding=1, output_padding=1), (2, 3, 5, 8)),
    ],
)
def test_a_norm_becomes_part_of_the_convolution_before_it(layer, shape, affine: bool, bias: bool) -> None:
    torch.manual_seed(0)
    if not bias:
        layer.bias = None
    network = nn.Sequential(layer, norm_of(6, len(shape) - 2, affine), nn.ReLU())

    check(network, image(*shape), 1, 0)

    assert isinstance(network[1], nn.Identity)


def test_the_weights_keep_their_precision_order_in_memory_and_whether_they_learn() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3), norm_of(6)).double().to(memory_format=torch.channels_last)
    network[0].weight.requires_grad_(False)

    check(network, image().double(), 1, 0)

    assert network[0].weight.dtype == network[0].bias.dtype == torch.float64
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert not network[0].weight.requires_grad


@pytest.mark.parametrize(
    "function",
    [
        lambda n, x: (lambda y: n.norm(y) + y)(n.a(x)),
        lambda n, x: (lambda y: n.b(n.norm(y)) + n.b(y))(n.a(x)),
        lambda n, x: (lambda y: (n.norm(y), y))(n.a(x)),
        lambda n, x: (lambda y: n.norm(y) * y.flatten(1).mean())(n.a(x)),
    ],
    ids=["added", "into another layer", "put out", "read in passing"],
)
def test_a_convolution_with_two_consumers_is_not_folded(function) -> None:
    check(Calls(function), image(), 0, 1)


@pytest.mark.parametrize(
    "function",
    [
        lambda n, x: n.norm(F.relu(n.a(x))),
        lambda n, x: n.norm(n.a(x)[..., 1:]),
        lambda n, x: n.norm(n.a(x).relu_()),
        lambda n, x: n.b(n.norm(n.a(x) * 2)),
        lambda n, x: n.norm(torch.cat([n.a(x)[:1], n.a(x)[1:]])),
    ],
    ids=["relu", "cut", "changed in place", "scaled", "joined"],
)
def test_a_norm_of_anything_else_than_the_convolutions_output_is_not_folded(function) -> None:
    check(Calls(function), image(), 0, 1)


def test_a_norm_after_two_convolutions_is_not_folded() -> None:
    check(Calls(lambda n, x: n.norm(n.a(x)) + n.norm(n.b(n.a(x)))), image(), 0, 1)


def test_a_convolution_that_is_not_always_followed_by_the_norm_is_not_folded() -> None:
    check(Calls(lambda n, x: n.norm(n.a(x)) + n.a(x)), image(), 0, 1)


def test_a_pair_that_is_called_twice_is_folded_once() -> None:
    check(Calls(lambda n, x: n.norm(n.a(x)) + n.norm(n.a(x.flip(3)))), image(), 1, 0)


def test_a_pair_with_two_names_is_folded_under_both() -> None:
    layers = nn.Sequential(nn.Conv2d(3, 3, 1), norm_of(3))
    network = nn.Sequential(layers, layers)

    check(network, image(), 1, 0)


def test_weights_that_something_else_takes_too_are_not_folded() -> None:
    check(Calls(lambda n, x: n.norm(n.a(x)) + F.conv2d(x, n.a.weight)), image(), 0, 1)
    tied = nn.Conv2d(3, 6, 3)
    network = Calls(lambda n, x: n.norm(n.a(x)) + n.tied(x), tied=tied)
    tied.weight = network.a.weight
    check(network, image(), 0, 1)


def test_layers_that_do_more_than_their_name_says_are_not_folded() -> None:
    class Doubled(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    hooked = nn.Conv2d(3, 6, 3)
    hooked.register_forward_hook(lambda module, inputs, output: output * 2)
    for layer in (Doubled(3, 6, 3), hooked, parametrizations.weight_norm(nn.Conv2d(3, 6, 3))):
        check(Calls(lambda n, x: n.norm(n.a(x)), a=layer), image(), 0, 1)


def test_norms_without_fixed_statistics_are_not_folded() -> None:
    check(Calls(lambda n, x: n.norm(n.a(x)), norm=nn.BatchNorm2d(6, track_running_stats=False)), image(), 0, 1)


def test_a_grouped_transposed_convolution_is_not_folded() -> None:
    check(nn.Sequential(nn.ConvTranspose2d(6, 6, 2, groups=3), norm_of(6)), image(2, 6, 5, 4), 0, 1)


def test_the_trace_counts_calls_and_uses_and_leaves_no_hooks() -> None:
    network = Calls(lambda n, x: n.b(n.norm(n.a(x)))).eval()
    trace = CallTrace([network.a, network.b, network.norm])

    trace.run(network, (image(),))

    assert [trace.calls[layer] for layer in (network.a, network.b, network.norm)] == [1, 1, 1]
    assert [trace.uses[layer] for layer in (network.a, network.b, network.norm)] == [1, 1, 1]
    assert [trace.weight_uses(layer) for layer in (network.a, network.b, network.norm)] == [1, 1, 1]
    assert trace.followers[network.a] == {network.norm: 1}
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
