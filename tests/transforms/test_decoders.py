from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import curve_fit

from monai_ext.landmarks import InputError
from monai_ext.transforms.decoders import METHODS, Decoded, DecodeHeatmap, DecodeHeatmapd, activate, decode_heatmap
from monai_ext.transforms.heatmap import gaussian_heatmap

SIZE = (H, W) = (40, 52)
REFINED = ("local_soft_argmax", "dark", "gaussian_fit")
SIGMAS = [1.0, 1.5, 2.0, 3.0, 5.0, (1.0, 4.0), (5.0, 1.0), (2.0, 3.0)]


def random_centres(batch, landmarks, seed=0):
    """Anywhere on the image; a third within two pixels of a side, some in the corners."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(batch, landmarks, 2, generator=generator, dtype=torch.float64) * torch.tensor([W, H]) - 0.5
    near = torch.rand(batch, landmarks, 2, generator=generator, dtype=torch.float64) * 2 - 0.5
    third = batch // 6
    points[:third, :, 0] = near[:third, :, 0]
    points[third : 2 * third, :, 1] = H - 1 - near[third : 2 * third, :, 1]
    points[:5] = near[:5]
    points[5:10] = torch.tensor([W - 1, H - 1]) - near[5:10]
    points[10] = torch.tensor([-0.5, H - 0.5])
    return points


def drawn(points, sigma):
    per_landmark = torch.as_tensor(sigma).expand(points.shape[-2], 2)
    return gaussian_heatmap(points, SIZE, per_landmark).float()


def tilted(points, covariance):
    """Gaussians of any covariance, as the formula says."""
    v, u = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    delta = torch.stack([u, v], -1).double() - points[..., None, None, :]
    return torch.einsum("...i,ij,...j->...", delta, torch.linalg.inv(covariance), delta).mul(-0.5).exp().float()


def errors(decoded, points):
    return (decoded.points.double() - points).norm(dim=-1)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("method", REFINED)
def test_clean_gaussians_are_found_to_a_twentieth_of_a_pixel_borders_included(method, sigma):
    points = random_centres(60, 19)
    decoded = decode_heatmap(drawn(points, sigma), method)
    bound = 0.05 if method == "local_soft_argmax" else 0.002
    assert decoded.points.shape == (60, 19, 2)
    assert errors(decoded, points).max() < bound


def test_argmax_equals_brute_force_and_has_the_rounding_floor():
    points = torch.rand(400, 19, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([W, H]) - 0.5
    heatmaps = drawn(points, 2.0)
    decoded = decode_heatmap(heatmaps, "argmax")
    rows, columns = np.unravel_index(heatmaps.numpy().reshape(400, 19, -1).argmax(-1), SIZE)
    np.testing.assert_array_equal(decoded.points.numpy(), np.stack([columns, rows], -1))
    assert errors(decoded, points.double()).mean() == pytest.approx(0.383, abs=0.005)


def test_argmax_takes_the_first_of_equal_pixels():
    heatmaps = torch.zeros(1, 1, 5, 7)
    heatmaps[0, 0, 3, [5, 2]] = 1.0
    heatmaps[0, 0, 4, 0] = 1.0
    assert decode_heatmap(heatmaps, "argmax").points.tolist() == [[[2.0, 3.0]]]


@pytest.mark.parametrize("method", ["dark", "gaussian_fit"])
def test_tilted_gaussians_are_found(method):
    covariance = torch.tensor([[6.0, 2.5], [2.5, 3.0]], dtype=torch.float64)
    points = random_centres(40, 3, seed=3)
    assert errors(decode_heatmap(tilted(points, covariance), method), points).max() < 0.01


def test_gaussian_fit_gives_the_covariance_in_square_pixels():
    covariance = torch.tensor([[6.0, -2.0], [-2.0, 3.0]], dtype=torch.float64)
    decoded = decode_heatmap(tilted(random_centres(40, 2, seed=4), covariance), "gaussian_fit")
    torch.testing.assert_close(decoded.covariance.double(), covariance.expand(40, 2, 2, 2), rtol=1e-3, atol=1e-3)
    diagonal = decode_heatmap(drawn(random_centres(20, 1), (1.0, 3.0)), "gaussian_fit").covariance
    torch.testing.assert_close(
        diagonal, torch.tensor([[1.0, 0.0], [0.0, 9.0]]).expand(20, 1, 2, 2), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("centre", [(20.3, 17.8), (1.2, 38.6)])
def test_gaussian_fit_agrees_with_scipy_on_a_noisy_map(centre):
    sigma = 2.0
    noise = 0.01 * torch.randn(H, W, generator=torch.Generator().manual_seed(5))
    heatmap = drawn(torch.tensor([centre], dtype=torch.float64), sigma)[0] + noise
    x0, y0 = round(centre[0]), round(centre[1])
    rows, columns = np.mgrid[max(y0 - 5, 0) : min(y0 + 6, H), max(x0 - 5, 0) : min(x0 + 6, W)]

    def gaussian(_, a, x, y, s):
        return (a * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * s * s))).ravel()

    values = heatmap.numpy()[rows, columns].ravel()
    reference, _ = curve_fit(gaussian, None, values, p0=[1, x0, y0, 1.5])
    decoded = decode_heatmap(heatmap[None, None], "gaussian_fit")
    np.testing.assert_allclose(decoded.points[0, 0], reference[1:3], atol=0.03)
    np.testing.assert_allclose(decoded.points[0, 0], centre, atol=0.05)
    np.testing.assert_allclose(decoded.covariance[0, 0].diagonal().sqrt(), [sigma, sigma], rtol=0.05)


def test_dark_is_the_newton_step_on_the_log_heatmap():
    heatmap = (1 + 4 * torch.rand(1, 1, 3, 3, generator=torch.Generator().manual_seed(6))).double() / 10
    heatmap[0, 0, 1, 1] = 0.8
    g = np.log(heatmap[0, 0].numpy())
    gradient = np.array([(g[1, 2] - g[1, 0]) / 2, (g[2, 1] - g[0, 1]) / 2])
    mixed = (g[2, 2] - g[2, 0] - g[0, 2] + g[0, 0]) / 4
    hessian = np.array([[g[1, 2] - 2 * g[1, 1] + g[1, 0], mixed], [mixed, g[2, 1] - 2 * g[1, 1] + g[0, 1]]])
    expected = np.array([1.0, 1.0]) - np.linalg.solve(hessian, gradient)
    np.testing.assert_allclose(decode_heatmap(heatmap, "dark").points[0, 0], expected, atol=1e-12)


def test_local_soft_argmax_is_a_centre_of_mass_where_the_window_holds_the_whole_peak():
    heatmap = torch.zeros(1, 1, H, W)
    heatmap[0, 0, 20:23, 30:33] = torch.tensor([[0.1, 0.2, 0.4], [0.2, 0.9, 0.6], [0.1, 0.1, 0.3]])
    rows, columns = np.mgrid[:H, :W]
    weights = heatmap[0, 0].numpy()
    expected = [(weights * columns).sum() / weights.sum(), (weights * rows).sum() / weights.sum()]
    np.testing.assert_allclose(decode_heatmap(heatmap, "local_soft_argmax").points[0, 0], expected, atol=1e-5)


def test_local_soft_argmax_is_steadier_than_argmax_on_broad_softmax_maps():
    points = random_centres(40, 4, seed=7)
    generator = torch.Generator().manual_seed(8)
    bumps = torch.randn(40, 4, H, W, generator=generator)
    logits = drawn(points, 4.0).clamp(min=1e-8).log() + 0.2 * bumps
    heatmaps = activate(logits, "spatial_cross_entropy", 2.0)
    soft = errors(decode_heatmap(heatmaps, "local_soft_argmax", radius=8), points).mean()
    hard = errors(decode_heatmap(heatmaps, "argmax"), points).mean()
    assert soft < 0.5
    assert hard > 3 * soft


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_mirrored_and_transposed_maps_give_mirrored_and_transposed_points(method, noise):
    points = random_centres(30, 3, seed=9)
    heatmaps = drawn(points, (2.0, 3.0))
    heatmaps = heatmaps + noise * torch.rand(heatmaps.shape, generator=torch.Generator().manual_seed(10))
    found = decode_heatmap(heatmaps, method).points
    mirrored = decode_heatmap(heatmaps.flip(-1), method).points
    upside_down = decode_heatmap(heatmaps.flip(-2), method).points
    transposed = decode_heatmap(heatmaps.mT, method).points
    torch.testing.assert_close(mirrored * torch.tensor([-1, 1]) + torch.tensor([W - 1.0, 0]), found, atol=1e-4, rtol=0)
    torch.testing.assert_close(
        upside_down * torch.tensor([1, -1]) + torch.tensor([0, H - 1.0]), found, atol=1e-4, rtol=0
    )
    torch.testing.assert_close(transposed.flip(-1), found, atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_batch_and_landmarks_do_not_mix(method):
    points = random_centres(12, 19, seed=11)
    heatmaps = drawn(points, 2.0)
    together = decode_heatmap(heatmaps, method)
    alone = decode_heatmap(heatmaps[3:4, 7:8], method)
    assert alone.points.shape == (1, 1, 2)
    torch.testing.assert_close(together.points[3, 7], alone.points[0, 0])
    torch.testing.assert_close(together.confidence[3, 7], alone.confidence[0, 0])


@pytest.mark.parametrize("method", METHODS)
def test_maps_without_a_peak_are_answered_finitely_with_confidence_zero(method):
    heatmaps = torch.zeros(1, 4, H, W)
    heatmaps[0, 1] = float("nan")
    heatmaps[0, 2] = -1.0
    heatmaps[0, 2, 30, 10] = -0.5
    heatmaps[0, 3] = drawn(torch.tensor([[20.25, 10.5]], dtype=torch.float64), 2.0)[0]
    decoded = decode_heatmap(heatmaps, method)
    assert decoded.confidence[0, :3].tolist() == [0.0, 0.0, 0.0]
    assert decoded.points[0, :3].tolist() == [[0.0, 0.0], [0.0, 0.0], [10.0, 30.0]]
    assert errors(decoded, torch.tensor([[20.25, 10.5]]))[0, 3] < (0.6 if method == "argmax" else 0.01)
    if method == "gaussian_fit":
        uniform = [[(W * W - 1) / 12, 0.0], [0.0, (H * H - 1) / 12]]
        np.testing.assert_allclose(decoded.covariance[0, 0], uniform, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_single_pixels_flat_maps_and_stray_values_stay_finite(method):
    heatmaps = torch.zeros(1, 5, H, W)
    heatmaps[0, 0, 12, 33] = 0.7
    heatmaps[0, 1] = 0.25
    heatmaps[0, 2, :, 7] = 0.5
    heatmaps[0, 3] = drawn(torch.tensor([[9.0, 8.0]], dtype=torch.float64), 2.0)[0]
    heatmaps[0, 3, 8, 10] = float("nan")
    heatmaps[0, 3, 30, 30] = float("inf")
    heatmaps[0, 4] = torch.rand(H, W, generator=torch.Generator().manual_seed(12)) - 0.5
    decoded = decode_heatmap(heatmaps, method)
    assert decoded.points.isfinite().all()
    assert ((decoded.points >= -0.5) & (decoded.points <= torch.tensor([W - 0.5, H - 0.5]))).all()
    torch.testing.assert_close(decoded.points[0, 0], torch.tensor([33.0, 12.0]), atol=1e-4, rtol=0)
    assert (decoded.points[0, 3] - torch.tensor([9.0, 8.0])).norm() < 1.0
    if decoded.covariance is not None:
        assert decoded.covariance.isfinite().all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (2, 2), (2, 9)])
def test_tiny_maps(method, size):
    heatmaps = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(13))
    points = decode_heatmap(heatmaps, method).points
    assert ((points >= -0.5) & (points <= torch.tensor([size[1] - 0.5, size[0] - 0.5]))).all()


def test_confidence_is_the_peak_height_within_zero_and_one():
    heatmaps = torch.stack([0.3 * torch.ones(5, 6), 4.0 * torch.ones(5, 6)])[None]
    assert decode_heatmap(heatmaps, "argmax").confidence.tolist() == [[pytest.approx(0.3), 1.0]]


def test_only_gaussian_fit_gives_a_covariance():
    heatmaps = drawn(random_centres(12, 1), 2.0)
    assert [name for name in METHODS if decode_heatmap(heatmaps, name).covariance is not None] == ["gaussian_fit"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_types(dtype):
    points = random_centres(12, 2)
    decoded = decode_heatmap(drawn(points, 2.0).to(dtype), "gaussian_fit")
    assert decoded.points.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert errors(decoded, points).max() < 0.05


def test_activate_brings_the_ideal_softmax_back_to_amplitude_one():
    points = torch.tensor([[20.0, 15.0], [30.0, 25.0]])
    sigma = torch.tensor([[2.0, 3.0], [1.5, 1.5]])
    logits = gaussian_heatmap(points, SIZE, sigma, normalize=True).log()[None] + 7.0
    torch.testing.assert_close(
        activate(logits, "spatial_cross_entropy", sigma)[0], gaussian_heatmap(points, SIZE, sigma), atol=1e-4, rtol=1e-4
    )


def test_activate_lowers_the_confidence_of_a_spread_out_map():
    logits = gaussian_heatmap(torch.tensor([[26.0, 20.0]]), SIZE, 4.0).log()[None]
    confidence = decode_heatmap(activate(logits, "spatial_cross_entropy", 2.0)).confidence
    assert confidence.tolist() == [[pytest.approx(0.25, abs=0.001)]]
    assert activate(logits, "spatial_cross_entropy", 2.0).sum() == pytest.approx(8 * math.pi, rel=1e-4)


def test_activate_leaves_direct_heatmaps_alone_and_refuses_unknown_losses():
    logits = torch.randn(1, 2, 4, 5)
    assert activate(logits, "mse", 2.0) is logits
    assert activate(logits, "adaptive_wing", 2.0) is logits
    with pytest.raises(InputError, match="'dice'"):
        activate(logits, "dice", 2.0)


@pytest.mark.parametrize("kind", [torch.Tensor.numpy, torch.Tensor.clone])
def test_array_and_dictionary_transforms(kind):
    points = random_centres(12, 4)[11]
    heatmaps = kind(drawn(points, 2.0))
    decoded = DecodeHeatmap("gaussian_fit")(heatmaps)
    assert isinstance(decoded, Decoded)
    assert type(decoded.points) is type(heatmaps)
    np.testing.assert_allclose(decoded.points, points, atol=1e-3)
    sample = DecodeHeatmapd("h", "gaussian_fit", covariance_keys="cov")({"h": heatmaps})
    np.testing.assert_array_equal(sample["h_points"], decoded.points)
    np.testing.assert_array_equal(sample["h_confidence"], decoded.confidence)
    np.testing.assert_array_equal(sample["cov"], decoded.covariance)


def test_wrong_arguments_are_refused():
    maps = torch.zeros(1, 1, 4, 4)
    for call in (
        lambda: decode_heatmap(maps, "mean"),
        lambda: decode_heatmap(maps, "dark", radius=0),
        lambda: decode_heatmap(maps[0]),
        lambda: DecodeHeatmap("mean"),
        lambda: DecodeHeatmap()(maps),
        lambda: DecodeHeatmapd("h", "dark", covariance_keys="c"),
        lambda: DecodeHeatmapd("h", points_keys=["a", "b"]),
    ):
        with pytest.raises(InputError):
            call()
