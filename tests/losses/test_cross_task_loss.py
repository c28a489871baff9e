"""The loss of cross-task distillation: its sum, its reductions, its identities and its gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import monai_ext.losses.cross_task_loss as module
from monai_ext.landmarks import InputError
from monai_ext.landmarks.recipe import CrossTask
from monai_ext.losses import (
    AdaptiveWingLoss,
    CrossTaskLoss,
    GradientRatio,
    LandmarkLoss,
    MaskedMSELoss,
    build_cross_task_loss,
    classifier_distance,
    encoder_distance,
    mode_weights,
)
from monai_ext.losses.mse import SummedMSELoss, summed_mse
from monai_ext.networks import DeconvNet, HeatmapOutput
from monai_ext.networks.cross_task import DistilledOutput, Distiller, SourceClassifier


def task() -> LandmarkLoss:
    return LandmarkLoss(MaskedMSELoss(1.5))


def output(batch: int = 2, landmarks: int = 3, size_hw: tuple[int, int] = (8, 11)) -> DistilledOutput:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    heatmaps = HeatmapOutput(draw(batch, landmarks, *size_hw), None, 4)
    return DistilledOutput(heatmaps, draw(batch, 6, 2, 3), draw(batch, 6, 2, 3), draw(batch, 5), draw(batch, 5))


def answer(batch: int = 2, landmarks: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    points = torch.rand(batch, landmarks, 2, generator=torch.Generator().manual_seed(1)) * 28 + 1
    return points, torch.ones(batch, landmarks, dtype=torch.int8)


def plain_squares(heatmaps: np.ndarray, points: np.ndarray, status: np.ndarray, sigma: float = 1.5) -> float:
    """Equation 1 of the paper in loops, without the division by the batch; points in pixels of the input."""
    total = 0.0
    for b, k in np.ndindex(heatmaps.shape[:2]):
        if status[b, k] < 0:
            continue
        x, y = (points[b, k] + 0.5) / 4 - 0.5
        for v, u in np.ndindex(heatmaps.shape[2:]):
            target = math.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2)) if status[b, k] > 0 else 0.0
            total += (float(heatmaps[b, k, v, u]) - target) ** 2
    return total


# L_R


@pytest.mark.parametrize("landmarks", [1, 3, 19])
def test_the_sum_is_equation_1_and_the_mean_its_share(landmarks: int) -> None:
    heatmaps = output(landmarks=landmarks).output.heatmaps
    points, status = answer(landmarks=landmarks)
    plain = plain_squares(heatmaps.numpy(), points.numpy(), status.numpy())
    summed = LandmarkLoss(SummedMSELoss(1.5))(HeatmapOutput(heatmaps, None, 4), points, status)
    mean = task()(HeatmapOutput(heatmaps, None, 4), points, status)
    assert float(summed) == pytest.approx(plain / 2, rel=1e-5)
    assert float(mean) == pytest.approx(plain / (2 * landmarks * 8 * 11), rel=1e-5)
    assert float(summed / mean) == pytest.approx(landmarks * 8 * 11, rel=1e-6)


def test_undefined_landmarks_do_not_count_and_missing_ones_do() -> None:
    heatmaps = output().output.heatmaps
    points, status = answer()
    status[0] = torch.tensor([-1, 0, 1], dtype=torch.int8)
    points[0, :2] = torch.nan
    plain = plain_squares(heatmaps.numpy(), points.numpy(), status.numpy())
    summed = LandmarkLoss(SummedMSELoss(1.5))(HeatmapOutput(heatmaps, None, 4), points, status)
    mean = task()(HeatmapOutput(heatmaps, None, 4), points, status)
    assert float(summed) == pytest.approx(plain / 2, rel=1e-5)
    assert float(summed / mean) == pytest.approx(5 * 8 * 11 / 2, rel=1e-6)


def test_a_sum_of_nothing_is_0_with_a_gradient_of_0() -> None:
    prediction = torch.full((1, 2, 4, 4), torch.nan, requires_grad=True)
    loss = summed_mse(prediction, torch.zeros(1, 2, 4, 4), torch.full((1, 2), -1))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert prediction.grad.eq(0).all()


# The whole


def test_the_loss_is_the_weighted_sum() -> None:
    out, (points, status) = output(), answer()
    loss = CrossTaskLoss(task(), 0.3, 0.7, temperature=3.0, level="pixel")
    expected = (
        task()(out.output, points, status)
        + 0.3 * classifier_distance(out.g_s, out.g_t, 3.0)
        + 0.7 * encoder_distance(out.f_s, out.f_t, "pixel")
    )
    torch.testing.assert_close(loss(out, points, status), expected)
    terms = loss.terms(out, points, status)
    torch.testing.assert_close(terms.regression + 0.3 * terms.classifier + 0.7 * terms.encoder, expected)


def test_modes_of_the_paper() -> None:
    assert {mode: mode_weights(mode) for mode in ("FT", "CD", "ED", "Com")} == {
        "FT": (0.0, 0.0),
        "CD": (0.002, 0.0),
        "ED": (0.0, 0.002),
        "Com": (0.002, 0.002),
    }
    assert mode_weights("Com", 0.5) == (0.5, 0.5)
    with pytest.raises(InputError, match="FT, CD, ED, Com, not 'FE'"):
        mode_weights("FE")  # type: ignore[arg-type]


def test_a_term_without_weight_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(module, "classifier_distance", lambda *_: calls.append("cd") or torch.tensor(1.0))
    monkeypatch.setattr(module, "encoder_distance", lambda *_: calls.append("ed") or torch.tensor(1.0))
    for mode, expected in [("FT", []), ("CD", ["cd"]), ("ED", ["ed"]), ("Com", ["cd", "ed"])]:
        calls.clear()
        CrossTaskLoss(task(), *mode_weights(mode))(output(), *answer())  # type: ignore[arg-type]
        assert calls == expected


def test_without_a_source_only_fine_tuning_is_left() -> None:
    alone = DistilledOutput(output().output)
    assert torch.equal(CrossTaskLoss(task(), 0.0, 0.0)(alone, *answer()), task()(alone.output, *answer()))
    with pytest.raises(InputError, match="set lambda_ed to 0"):
        CrossTaskLoss(task(), 0.0, 1.0)(alone, *answer())
    with pytest.raises(InputError, match="set lambda_cd to 0"):
        CrossTaskLoss(task(), 1.0, 0.0)(output()._replace(g_s=None, g_t=None), *answer())


@torch.inference_mode()
def test_both_regularisers_begin_at_exactly_0() -> None:
    torch.manual_seed(0)
    source = SourceClassifier("resnet18", 5)
    distiller = Distiller(DeconvNet(3, 3, "resnet18", source=source), source).eval()
    for size in [(64, 64), (50, 70)]:
        out = distiller(torch.randn(2, 3, *size))
        for level in ("map", "pooled", "pixel"):
            terms = CrossTaskLoss(task(), 1.0, 1.0, level=level).terms(out, *answer())
            assert (float(terms.classifier), float(terms.encoder)) == (0.0, 0.0)
            assert float(terms.regression) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lambda_cd": -1.0}, "not -1.0, 0.002 and 2.0"),
        ({"lambda_ed": -0.1}, "not 0.0, -0.1 and 2.0"),
        ({"temperature": 0.0}, "and 0.0"),
        ({"level": "channel"}, "not 'channel'"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CrossTaskLoss(task(), **options)  # type: ignore[arg-type]


def test_from_a_recipe() -> None:
    config = CrossTask(source="faces", lambda_cd=0.1, lambda_ed=0.2, temperature=4.0, level="pooled")
    loss = build_cross_task_loss(config, task())
    assert (loss.lambda_cd, loss.lambda_ed, loss.temperature, loss.level) == (0.1, 0.2, 4.0, "pooled")
    assert isinstance(loss.task.heatmap, MaskedMSELoss)
    config = CrossTask(source="faces", reduction="sum")
    loss = build_cross_task_loss(config, LandmarkLoss(MaskedMSELoss(1.25), 1e-4, {"stack": 0.5}))
    assert isinstance(loss.task.heatmap, SummedMSELoss)
    assert (float(loss.task.heatmap.sigma), loss.task.weights) == (1.25, {"stack": 0.5})
    assert loss.task.presence_weight == SummedMSELoss.presence_weight
    with pytest.raises(InputError, match="loss to mse"):
        build_cross_task_loss(config, LandmarkLoss(AdaptiveWingLoss(1.5)))


# Gradients


def pulled() -> tuple[DistilledOutput, torch.Tensor]:
    """An output that depends on eight numbers in a known way."""
    out = output()
    theta = torch.randn(8, generator=torch.Generator().manual_seed(5), requires_grad=True)
    heatmaps = out.output.heatmaps + theta[:3, None, None] ** 2
    f_t = out.f_t + theta[2:, None, None].sin()
    return out._replace(output=HeatmapOutput(heatmaps, None, 4), f_t=f_t, g_t=out.g_t + theta[3:].cumsum(0)), theta


def gradient_ratio(loss: CrossTaskLoss, out: DistilledOutput, points, status, parameters, scale=1.0) -> GradientRatio:
    loss.measure_next(parameters, scale)
    loss(out, points, status)
    return loss.gradients


def test_the_gradient_ratio_against_differences() -> None:
    out, theta = pulled()
    loss = CrossTaskLoss(task(), 0.3, 0.7)
    found = gradient_ratio(loss, out, *answer(), [theta])

    def differences(weight: tuple[float, float, float]) -> np.ndarray:
        gradient = []
        for i in range(8):
            values = []
            for step in (1e-2, -1e-2):
                with torch.no_grad():
                    theta[i] += step
                    moved = pulled_at(theta)
                    theta[i] -= step
                    terms = loss.terms(moved, *answer())
                values.append(sum(w * float(t) for w, t in zip(weight, terms, strict=True)))
            gradient.append((values[0] - values[1]) / 2e-2)
        return np.array(gradient)

    def pulled_at(theta: torch.Tensor) -> DistilledOutput:
        base = output()
        return base._replace(
            output=HeatmapOutput(base.output.heatmaps + theta[:3, None, None] ** 2, None, 4),
            f_t=base.f_t + theta[2:, None, None].sin(),
            g_t=base.g_t + theta[3:].cumsum(0),
        )

    regression = np.linalg.norm(differences((1.0, 0.0, 0.0)))
    assert float(found.regression) == pytest.approx(regression, rel=1e-2)
    assert float(found.classifier) == pytest.approx(np.linalg.norm(differences((0.0, 0.3, 0.0))), rel=1e-2)
    assert float(found.encoder) == pytest.approx(np.linalg.norm(differences((0.0, 0.0, 0.7))), rel=1e-2)
    assert float(found.ratio) == pytest.approx(np.linalg.norm(differences((0.0, 0.3, 0.7))) / regression, rel=1e-2)


def test_measuring_changes_neither_the_loss_nor_the_gradients() -> None:
    (out, theta), loss = pulled(), CrossTaskLoss(task(), 0.3, 0.7)
    plain = loss(out, *answer())
    plain.backward()
    wanted = theta.grad.clone()
    out, theta = pulled()
    loss.measure_next([theta])
    measured = loss(out, *answer())
    assert theta.grad is None
    measured.backward()
    assert torch.equal(measured, plain)
    assert torch.equal(theta.grad, wanted)
    assert loss.gradients is not None
    assert not loss.gradients.ratio.requires_grad


def test_it_measures_the_next_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: calls.append(1) or grad(*a, **k))
    (out, theta), loss = pulled(), CrossTaskLoss(task(), 0.3, 0.7)
    loss(out, *answer())
    assert (calls, loss.gradients) == ([], None)
    loss.measure_next([theta])
    loss(out, *answer())
    assert len(calls) == 3
    loss(out, *answer())
    assert len(calls) == 3


def test_the_scale_of_mixed_precision_is_taken_out() -> None:
    (out, theta), loss = pulled(), CrossTaskLoss(task(), 0.3, 0.7)
    plain, scaled = (gradient_ratio(loss, out, *answer(), [theta], scale) for scale in (1.0, 65536.0))
    for a, b in zip(plain, scaled, strict=True):
        torch.testing.assert_close(a, b)


def test_without_a_regulariser_the_ratio_is_0() -> None:
    out, theta = pulled()
    found = gradient_ratio(CrossTaskLoss(task(), 0.0, 0.0), out, *answer(), [theta])
    assert [float(part) for part in found[1:]] == [0.0, 0.0, 0.0]
    assert float(found.regression) > 0


def test_a_frozen_encoder_has_no_ratio() -> None:
    with pytest.raises(InputError, match="trainable part is empty"):
        CrossTaskLoss(task()).measure_next([])


def test_the_mean_leaves_the_regulariser_a_share_and_the_sum_does_not() -> None:
    torch.manual_seed(0)
    source = SourceClassifier("resnet18", 5)
    distiller = Distiller(DeconvNet(3, 14, "resnet18", source=source), source).train()
    image, (points, status) = torch.randn(2, 3, 64, 64), answer(landmarks=14)
    out = distiller(image)
    ratios = []
    for heatmap in (MaskedMSELoss(1.5), SummedMSELoss(1.5)):
        loss = CrossTaskLoss(LandmarkLoss(heatmap), *mode_weights("ED"))
        ratios.append(float(gradient_ratio(loss, out, points, status, distiller.encoder_parameters()).ratio))
    assert ratios[0] > 0.01
    assert ratios[0] / ratios[1] == pytest.approx(14 * 16 * 16, rel=1e-3)
