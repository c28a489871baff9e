from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.landmarks import InputError
from monai_ext.networks.zian import CoAttention, co_attend


def maps(height: int = 12, width: int = 7, channels: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return tuple(torch.randn(2, channels, height, width, generator=generator) for _ in range(2))


def equation_1(a: torch.Tensor, b: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The equation as it stands, with columns V of shape (C, h * w)."""
    v_a, v_b = a.flatten(2), b.flatten(2)
    s = v_b.transpose(1, 2) @ w @ v_a
    z_a = v_a @ s.softmax(1)
    z_b = v_b @ s.transpose(1, 2).softmax(1)
    return z_a.reshape(a.shape), z_b.reshape(b.shape)


@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_papers_equation_on_a_map_that_is_not_square(weighted: bool) -> None:
    a, b = maps()
    w = torch.randn(16, 16, generator=torch.Generator().manual_seed(8)) / 3 if weighted else torch.eye(16)

    z_a, z_b = co_attend(a, b, w if weighted else None)

    expected_a, expected_b = equation_1(a, b, w)
    assert float((z_a - expected_a).abs().max()) < 1e-5
    assert float((z_b - expected_b).abs().max()) < 1e-5


def test_its_gradients_are_those_of_the_equation() -> None:
    a, b = (m.requires_grad_() for m in maps(4, 3))
    w = torch.randn(16, 16, requires_grad=True)
    probe = torch.randn(2, 2, 16, 4, 3)

    def gradients(function):
        z_a, z_b = function(a, b, w)
        return torch.autograd.grad((z_a * probe[0] + z_b * probe[1]).sum(), (a, b, w))

    for ours, expected in zip(gradients(co_attend), gradients(equation_1), strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_swapping_the_regions_swaps_the_summaries_when_w_is_symmetric() -> None:
    a, b = maps()
    w = torch.randn(16, 16)
    w = w + w.T

    z_a, z_b = co_attend(a, b, w / 8)
    swapped_b, swapped_a = co_attend(b, a, w / 8)

    torch.testing.assert_close((z_a, z_b), (swapped_a, swapped_b))


@pytest.mark.parametrize("weight", [False, True])
@pytest.mark.parametrize("gate", [False, True])
def test_the_module_refines_and_enlarges(weight: bool, gate: bool) -> None:
    torch.manual_seed(0)
    module = CoAttention(16, weight=weight, gate=gate).eval()
    if module.weight is not None:
        nn.init.normal_(module.weight, std=0.3)
    for name, buffer in module.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    a, b = maps()

    outputs = module(a, b)

    w = module.weight if module.weight is not None else torch.eye(16)
    for index, (features, z) in enumerate(zip((a, b), equation_1(a, b, w), strict=True)):
        own = index if weight else 0
        if gate:
            z = z * torch.sigmoid(module.gates[own](z))
        convolution, norm, _ = module.refine[own]
        x = F.conv2d(torch.cat([z, features], 1), convolution.weight, padding=1)
        x = (x - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt()
        expected = F.interpolate(x.relu(), size=(48, 28), mode="bilinear", align_corners=False)
        torch.testing.assert_close(outputs[index], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("weight", "gate", "number"),
    [(False, False, 4640), (False, True, 4657), (True, False, 2 * 4640 + 256), (True, True, 2 * 4640 + 256 + 34)],
)
def test_the_number_of_parameters(weight: bool, gate: bool, number: int) -> None:
    assert sum(p.numel() for p in CoAttention(16, weight, gate).parameters()) == number


def test_training_starts_from_the_plain_similarity() -> None:
    a, b = maps()

    torch.testing.assert_close(co_attend(a, b, CoAttention(16, weight=True).weight), co_attend(a, b))


def test_a_transposed_input_transposes_the_summaries() -> None:
    a, b = maps()

    z_a, z_b = co_attend(a.mT, b.mT)

    expected_a, expected_b = co_attend(a, b)
    torch.testing.assert_close(z_a.mT, expected_a)
    torch.testing.assert_close(z_b.mT, expected_b)


def test_it_runs_in_half_precision() -> None:
    a, b = maps()

    with torch.autocast("cpu", torch.bfloat16):
        outputs = CoAttention(16, weight=True, gate=True)(a, b)

    assert all(bool(o.isfinite().all()) for o in outputs)


def test_maps_of_different_shape_are_refused() -> None:
    a, b = maps()

    with pytest.raises(InputError, match=r"\(2, 16, 12, 7\), \(2, 16, 7, 12\)"):
        co_attend(a, b.mT)
