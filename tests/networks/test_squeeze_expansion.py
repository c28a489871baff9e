from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks.zian import SqueezeExpansion
from monai_ext.networks.zian.attention import ExpandedAttention, ModeAggregation, SqueezedAttention

CHANNELS, ATTRACTORS = 12, 10


@pytest.fixture
def module() -> SqueezeExpansion:
    torch.manual_seed(2)
    module = SqueezeExpansion(CHANNELS, attractors=ATTRACTORS)
    for parameter in module.parameters():
        # Norms' gains and offsets and all biases away from their plain initial values.
        nn.init.normal_(parameter, mean=0.2, std=0.5)
    return module


def features(height: int = 8, width: int = 12) -> torch.Tensor:
    return torch.randn(2, CHANNELS, height, width, generator=torch.Generator().manual_seed(4))


def norm(layer: nn.LayerNorm, x: torch.Tensor) -> torch.Tensor:
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / (variance + layer.eps).sqrt() * layer.weight + layer.bias


def aggregated(module: ModeAggregation, modes: list[torch.Tensor]) -> torch.Tensor:
    offsets = [0.0, *module.offsets]
    scores = torch.stack([mode @ module.score + o for mode, o in zip(modes, offsets, strict=True)])
    return sum(w[..., None] * mode for w, mode in zip(scores.softmax(0), modes, strict=True))


def by_mode(layer: nn.Linear, x: torch.Tensor, mode: int) -> torch.Tensor:
    rows = slice(mode * CHANNELS, (mode + 1) * CHANNELS)
    return F.linear(x, layer.weight[rows], None if layer.bias is None else layer.bias[rows])


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v


def squeezed(block: SqueezedAttention, tokens: torch.Tensor) -> torch.Tensor:
    """Keys and values of every token and mode written out."""
    normed = norm(block.token_norm, tokens)
    modes = [
        attention(
            by_mode(block.query, block.attractors, m), by_mode(block.key, normed, m), by_mode(block.value, normed, m)
        )
        for m in range(2)
    ]
    return aggregated(block.aggregate, [norm(block.output_norm, mode) for mode in modes])


def expanded(block: ExpandedAttention, tokens: torch.Tensor, attractors: torch.Tensor) -> torch.Tensor:
    """The output projection after the attention."""
    modes = []
    for m in range(2):
        query = by_mode(block.query, norm(block.token_norm, tokens), m)
        attended = attention(query, by_mode(block.key, attractors, m), by_mode(block.value, attractors, m))
        rows = slice(m * CHANNELS, (m + 1) * CHANNELS)
        modes.append(norm(block.output_norm, attended @ block.project.weight[rows, :, 0].T + block.project.bias[rows]))
    return aggregated(block.aggregate, modes)


def test_squeezed_attention_is_attention_of_the_attractors_to_projected_tokens(module) -> None:
    tokens = features().flatten(2).mT

    torch.testing.assert_close(module.squeeze(tokens), squeezed(module.squeeze, tokens), atol=1e-4, rtol=1e-4)


def test_expanded_attention_is_attention_of_the_tokens_with_a_projection_for_each_mode(module) -> None:
    tokens, attractors = features().flatten(2).mT, torch.randn(2, ATTRACTORS, CHANNELS)

    result = module.expand(tokens, attractors)

    torch.testing.assert_close(result, expanded(module.expand, tokens, attractors), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_it_adds_what_the_tokens_learn_at_their_own_place(module, stride: int) -> None:
    module.stride = stride
    x = features()

    result = module(x)

    reduced = F.avg_pool2d(x, stride)
    tokens = reduced.flatten(2).mT
    learned = expanded(module.expand, tokens, squeezed(module.squeeze, tokens)).mT.reshape(reduced.shape)
    learned = F.interpolate(learned, x.shape[2:], mode="bilinear", align_corners=False)
    torch.testing.assert_close(result, x + learned, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_turning_or_mirroring_the_input_does_so_to_the_output(module, stride: int) -> None:
    module.stride = stride
    x = features()

    torch.testing.assert_close(module(x.mT).mT, module(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(module(x.flip(3)).flip(3), module(x), atol=1e-4, rtol=1e-4)


def test_the_number_of_parameters() -> None:
    counts = {c: sum(p.numel() for p in SqueezeExpansion(c).parameters()) for c in (32, 48)}

    assert counts == {32: 23_170, 48: 45_506}


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    module = SqueezeExpansion(CHANNELS, attractors=ATTRACTORS)

    (module(features()) * features().roll(1, 0)).sum().backward()

    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 1e-5, name


def test_it_runs_in_half_precision(module) -> None:
    x = features()

    with torch.autocast("cpu", torch.bfloat16):
        half = module(x)

    assert float((half - module(x)).abs().max().detach()) < 0.3


def test_a_map_that_the_stride_does_not_divide_is_refused() -> None:
    with pytest.raises(InputError, match="8 x 10 cannot be cut into tokens of 4 x 4"):
        SqueezeExpansion(CHANNELS, stride=4)(features(8, 10))
    with pytest.raises(InputError, match="at least 1, not 0"):
        SqueezeExpansion(CHANNELS, stride=0)
    with pytest.raises(InputError, match="At least 2 modes are needed to weight them, not 1"):
        SqueezeExpansion(CHANNELS, modes=1)
