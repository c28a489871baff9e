from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monai_ext.landmarks import InputError
from monai_ext.losses import (
    AdaptiveWingLoss,
    MaskedMSELoss,
    SpatialCrossEntropyLoss,
    adaptive_wing,
    masked_mse,
    spatial_cross_entropy,
)
from monai_ext.transforms.heatmap import gaussian_heatmap

LOSSES = [MaskedMSELoss, AdaptiveWingLoss, SpatialCrossEntropyLoss]
NAN = float("nan")
B, K, H, W = 2, 3, 7, 10


def example():
    """Outputs, points and status with all three statuses; the points that are not defined are NaN."""
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(B, K, H, W, generator=generator)
    points = torch.rand(B, K, 2, generator=generator) * torch.tensor([W - 1.0, H - 1.0])
    status = torch.tensor([[1, 0, -1], [1, 1, 0]], dtype=torch.int8)
    points[status != 1] = NAN
    return outputs, points, status


def target_of(point, sigma=2.0):
    v, u = np.mgrid[:H, :W]
    return np.exp(-((u - float(point[0])) ** 2 + (v - float(point[1])) ** 2) / (2 * sigma**2))


def mse_by_hand(outputs, points, status):
    total, pixels = 0.0, 0
    for b in range(B):
        for k in range(K):
            if status[b, k] == -1:
                continue
            target = target_of(points[b, k]) if status[b, k] == 1 else np.zeros((H, W))
            total += ((outputs[b, k].numpy().astype(float) - target) ** 2).sum()
            pixels += H * W
    return total / pixels


def wing_by_hand(outputs, points, status, weighted=False):
    """The paper's equation 3 with its constants, one pixel at a time."""
    alpha, omega, epsilon, theta = 2.1, 14.0, 1.0, 0.5
    losses = []
    for b in range(B):
        for k in range(K):
            if status[b, k] == -1:
                continue
            target = target_of(points[b, k]) if status[b, k] == 1 else np.zeros((H, W))
            for v in range(H):
                for u in range(W):
                    y, d = target[v, u], abs(target[v, u] - float(outputs[b, k, v, u]))
                    a = omega / (1 + (theta / epsilon) ** (alpha - y)) * (alpha - y)
                    a *= (theta / epsilon) ** (alpha - y - 1) / epsilon
                    c = theta * a - omega * math.log(1 + (theta / epsilon) ** (alpha - y))
                    loss = omega * math.log(1 + (d / epsilon) ** (alpha - y)) if d < theta else a * d - c
                    window = target[max(v - 1, 0) : v + 2, max(u - 1, 0) : u + 2]
                    losses.append(loss * (11 if weighted and window.max() >= 0.2 else 1))
    return np.mean(losses)


def cross_entropy_by_hand(outputs, points, status):
    losses = []
    for b in range(B):
        for k in range(K):
            if status[b, k] == 1:
                logits = outputs[b, k].numpy().astype(float)
                log_softmax = logits - np.log(np.exp(logits).sum())
                target = target_of(points[b, k])
                losses.append(-(target / target.sum() * log_softmax).sum())
    return np.mean(losses)


@pytest.mark.parametrize(
    ("loss", "by_hand"),
    [
        (MaskedMSELoss(2.0), mse_by_hand),
        (AdaptiveWingLoss(2.0), wing_by_hand),
        (AdaptiveWingLoss(2.0, weighted=True), lambda *a: wing_by_hand(*a, weighted=True)),
        (SpatialCrossEntropyLoss(2.0), cross_entropy_by_hand),
    ],
)
def test_value_equals_the_formula_pixel_by_pixel(loss, by_hand):
    outputs, points, status = example()
    assert float(loss(outputs, points, status)) == pytest.approx(by_hand(outputs, points, status), rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_undefined_landmarks_leak_neither_value_nor_gradient(loss):
    outputs, points, status = example()
    clean = loss(2.0)(outputs, points, status)
    outputs = outputs.clone()
    outputs[0, 2] = NAN
    outputs.requires_grad_()
    value = loss(2.0)(outputs, points, status)
    value.backward()
    torch.testing.assert_close(value.detach(), clean)
    assert outputs.grad.isfinite().all()
    assert not outputs.grad[0, 2].any()
    assert outputs.grad[0, 0].any()


def test_missing_landmarks_teach_absence_to_mse_and_wing_and_nothing_to_cross_entropy():
    outputs, points, status = example()
    outputs.requires_grad_()
    for loss, teaches in zip(LOSSES, (True, True, False), strict=True):
        outputs.grad = None
        loss(2.0)(outputs, points, status).backward()
        assert bool(outputs.grad[0, 1].any()) is teaches
    outputs.grad = None
    MaskedMSELoss(2.0)(outputs, points, status).backward()
    assert torch.equal(outputs.grad[0, 1].sign(), outputs.detach()[0, 1].sign())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("code", [-1, 0])
def test_nothing_defined_gives_a_finite_loss_with_a_gradient(loss, code):
    outputs = torch.randn(B, K, H, W, requires_grad=True)
    value = loss(2.0)(outputs, torch.full((B, K, 2), NAN), torch.full((B, K), code, dtype=torch.int8))
    value.backward()
    assert value.isfinite()
    assert outputs.grad.isfinite().all()
    if code == -1:
        assert value == 0
        assert not outputs.grad.any()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_defined_point_off_the_map_counts_as_not_annotated(loss):
    outputs, points, status = example()
    expected = loss(2.0)(outputs[:, :1], points[:, :1], status[:, :1])
    off = torch.tensor([[W - 0.4, 3.0], [2.0, -0.6]])
    two = torch.stack([points[:, 0], off], 1)
    both = torch.ones(B, 2, dtype=torch.int8)
    torch.testing.assert_close(loss(2.0)(outputs[:, :2], two, both), expected)
    on_the_edge = torch.stack([points[:, 0], torch.tensor([[W - 0.5, 3.0], [2.0, -0.5]])], 1)
    assert loss(2.0)(outputs[:, :2], on_the_edge, both) != expected


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_agree_with_finite_differences(loss):
    generator = torch.Generator().manual_seed(3)
    outputs = torch.randn(1, 3, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    status = torch.tensor([[1, 0, -1]])
    core = {MaskedMSELoss: masked_mse, AdaptiveWingLoss: adaptive_wing, SpatialCrossEntropyLoss: spatial_cross_entropy}
    target = torch.rand(1, 3, 3, 4, generator=generator, dtype=torch.float64)
    target[0, 1] = 0
    assert torch.autograd.gradcheck(lambda o: core[loss](o, target, status), outputs)


def test_separable_cross_entropy_equals_its_dense_form_in_value_and_gradient():
    outputs, points, status = example()
    loss = SpatialCrossEntropyLoss(torch.tensor([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]))
    outputs.requires_grad_()
    target = gaussian_heatmap(points, (H, W), loss.sigma, status, normalize=True)
    fast, slow = loss(outputs, points, status), loss.compare(outputs, target, status)
    torch.testing.assert_close(fast, slow)
    gradients = [torch.autograd.grad(value, outputs)[0] for value in (fast, slow)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("point", [(0.0, 0.0), (-0.5, 3.0), (9.5, 6.5), (4.3, 2.8)])
def test_cross_entropy_is_least_at_the_target_itself_borders_included(point):
    target = target_of(point)
    target = target / target.sum()
    outputs = torch.tensor(np.log(target), dtype=torch.float32)[None, None].requires_grad_()
    value = SpatialCrossEntropyLoss(2.0)(outputs, torch.tensor([[point]]), torch.ones(1, 1))
    value.backward()
    assert value.item() == pytest.approx(-(target * np.log(target)).sum(), abs=1e-4)
    assert outputs.grad.abs().max() < 1e-5


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_descent_raises_the_map_about_the_point_not_its_mirror_or_transpose(loss):
    outputs = torch.zeros(1, 1, H, W, requires_grad=True)
    loss(1.0)(outputs, torch.tensor([[[6.3, 2.6]]]), torch.ones(1, 1)).backward()
    raised = (-outputs.grad[0, 0]).clamp(min=0).numpy()
    rows, columns = np.mgrid[:H, :W]
    centre = [(raised * columns).sum() / raised.sum(), (raised * rows).sum() / raised.sum()]
    np.testing.assert_allclose(centre, [6.3, 2.6], atol=0.15)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_computes_in_float32_under_autocast_and_for_half_inputs(loss, dtype):
    outputs, points, status = example()
    half = outputs.to(dtype)
    expected = loss(2.0)(half.float(), points, status)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(2.0)(half, points, status)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_large_half_precision_outputs_stay_finite(loss):
    outputs = torch.full((1, 1, H, W), 6e4, dtype=torch.float16, requires_grad=True)
    value = loss(2.0)(outputs, torch.tensor([[[4.0, 3.0]]]), torch.ones(1, 1))
    value.backward()
    assert value.isfinite()


def test_wing_is_continuous_and_smooth_at_theta():
    target = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    values, slopes = [], []
    for d in (0.5 - 1e-9, 0.5 + 1e-9):
        prediction = torch.full((1, 1, 1, 1), d, dtype=torch.float64, requires_grad=True)
        value = adaptive_wing(prediction, target, torch.ones(1, 1))
        value.backward()
        values.append(value.item())
        slopes.append(float(prediction.grad))
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-6)


def test_wing_has_no_gradient_where_the_prediction_is_right():
    target = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 1, 1, 3)
    prediction = target.clone().requires_grad_()
    adaptive_wing(prediction, target, torch.ones(1, 1)).backward()
    assert prediction.grad.tolist() == [[[[0.0, 0.0, 0.0]]]]


@pytest.mark.parametrize("loss", LOSSES)
def test_sigma_is_not_a_weight(loss):
    assert loss([1.0, 2.0, 3.0]).state_dict() == {}


def test_wrong_arguments_are_refused():
    outputs, points, status = example()
    for loss in LOSSES:
        with pytest.raises(InputError, match="sigma"):
            loss(0.0)
        with pytest.raises(InputError, match="needs outputs"):
            loss(1.0)(outputs, points[:, :2], status)
    with pytest.raises(InputError, match="alpha"):
        AdaptiveWingLoss(alpha=1.5)
