"""The regularisers of distillation against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monai_ext.landmarks import InputError
from monai_ext.losses import classifier_distance, encoder_distance


def softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    powers = [math.exp(value / temperature) for value in logits]
    return np.array(powers) / sum(powers)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def features(seed: int, shape: tuple[int, ...] = (3, 4, 2, 5)) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) + 0.01


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 7.0])
@pytest.mark.parametrize("shape", [(1, 2), (3, 9)])
def test_classifier_distance(temperature: float, shape: tuple[int, int]) -> None:
    g_s, g_t = (torch.from_numpy(np.random.default_rng(seed).normal(0, 3, shape)) for seed in (0, 1))
    total = 0.0
    for source, target in zip(g_s.numpy(), g_t.numpy(), strict=True):
        total += sum((softmax(source, temperature) - softmax(target, temperature)) ** 2)
    found = classifier_distance(g_s, g_t, temperature)
    assert float(found) == pytest.approx(total / shape[0], rel=1e-5)


def test_encoder_distance_of_the_map() -> None:
    f_s, f_t = features(0), features(1)
    cosines = [cosine(a.ravel(), b.ravel()) for a, b in zip(f_s.numpy(), f_t.numpy(), strict=True)]
    assert float(encoder_distance(f_s, f_t)) == pytest.approx(1 - sum(cosines) / 3, rel=1e-5)


def test_encoder_distance_of_pooled_features() -> None:
    f_s, f_t = features(0), features(1)
    means = [np.array([[plane.mean() for plane in image] for image in f.numpy()]) for f in (f_s, f_t)]
    cosines = [cosine(a, b) for a, b in zip(*means, strict=True)]
    assert float(encoder_distance(f_s, f_t, "pooled")) == pytest.approx(1 - sum(cosines) / 3, rel=1e-4)


def test_encoder_distance_of_each_pixel() -> None:
    f_s, f_t = features(0), features(1)
    cosines = [
        cosine(f_s.numpy()[b, :, y, x], f_t.numpy()[b, :, y, x]) for b in range(3) for y in range(2) for x in range(5)
    ]
    assert float(encoder_distance(f_s, f_t, "pixel")) == pytest.approx(1 - sum(cosines) / 30, rel=1e-5)


@pytest.mark.parametrize("level", ["map", "pooled", "pixel"])
def test_equal_features_are_exactly_0_apart_and_opposite_ones_2(level: str) -> None:
    f = features(0, (2, 64, 3, 3)) * 1e3
    assert float(encoder_distance(f, f.clone(), level)) == 0.0  # type: ignore[arg-type]
    assert float(encoder_distance(f, -f, level)) == pytest.approx(2.0)  # type: ignore[arg-type]
    assert float(encoder_distance(f, 5 * f, level)) == pytest.approx(0.0, abs=1e-6)  # type: ignore[arg-type]
    g = torch.randn(4, 11)
    assert float(classifier_distance(g, g.clone())) == 0.0


def test_the_gradient_is_that_of_one_minus_the_cosine() -> None:
    f_s, f_t = features(0).double(), features(1).double().requires_grad_()
    (found,) = torch.autograd.grad(encoder_distance(f_s, f_t), f_t)
    expected = 1 - torch.nn.functional.cosine_similarity(f_s.flatten(1), f_t.flatten(1)).mean()
    (wanted,) = torch.autograd.grad(expected, f_t)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("level", ["map", "pooled", "pixel"])
def test_features_of_zeros_give_finite_numbers(level: str) -> None:
    f_s, f_t = features(0), features(1)
    f_t[0], f_s[1], f_s[2], f_t[2] = 0.0, 0.0, 0.0, 0.0
    f_t.requires_grad_()
    distance = encoder_distance(f_s, f_t, level)  # type: ignore[arg-type]
    distance.backward()
    assert float(distance.detach()) == pytest.approx((0.5 + 0.5 + 0.0) / 3)
    assert torch.isfinite(f_t.grad).all()


def test_half_precision_is_computed_in_single() -> None:
    f_s, f_t = (f.half() * 100 for f in (features(0, (2, 512, 4, 4)), features(1, (2, 512, 4, 4))))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = encoder_distance(f_s, f_t)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, encoder_distance(f_s.float(), f_t.float()))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="map, pooled, pixel, not 'channel'"):
        encoder_distance(features(0), features(1), "channel")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the same shape, not \(3, 4, 2, 5\) and \(3, 4, 2, 4\)"):
        encoder_distance(features(0), features(0, (3, 4, 2, 4)))
